#include "http/curl.h"

#include "base/error.h"
#include "base/shared_library.h"

namespace kiln::http {
namespace {

Curl load() {
  const SharedLibrary library{"libcurl.so.4"};
  Curl out{};
  library.get("curl_easy_cleanup", out.easy_cleanup);
  library.get("curl_easy_init", out.easy_init);
  library.get("curl_easy_perform", out.easy_perform);
  library.get("curl_easy_reset", out.easy_reset);
  library.get("curl_easy_setopt", out.easy_setopt);
  library.get("curl_easy_strerror", out.easy_strerror);
  library.get("curl_free", out.free);
  library.get("curl_getdate", out.getdate);
  library.get("curl_slist_append", out.slist_append);
  library.get("curl_slist_free_all", out.slist_free_all);
  library.get("curl_url", out.url);
  library.get("curl_url_cleanup", out.url_cleanup);
  library.get("curl_url_get", out.url_get);
  library.get("curl_url_set", out.url_set);
  library.get("curl_version_info", out.version_info);
  decltype(&::curl_global_init) global_init = nullptr;
  library.get("curl_global_init", global_init);
  if (global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) throw Error{"libcurl cannot be initialised"};
  return out;
}

}  // namespace

const Curl& curl() {
  static const Curl loaded = load();
  return loaded;
}

}  // namespace kiln::http
