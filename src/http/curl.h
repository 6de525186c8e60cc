#pragma once

#include <curl/curl.h>

#include "base/shared_library.h"

namespace kiln::http {

/// libcurl's functions, without the `curl_` of their names (curl.h(3) of each). With the thirty libraries it needs it
/// takes 8 ms to load, which a command without network must not spend: so the first call of curl() loads it.
struct Curl {
  SharedLibrary library{"libcurl.so.4"};
  decltype(&::curl_easy_cleanup) easy_cleanup = library.function("curl_easy_cleanup");
  decltype(&::curl_easy_init) easy_init = library.function("curl_easy_init");
  decltype(&::curl_easy_perform) easy_perform = library.function("curl_easy_perform");
  decltype(&::curl_easy_reset) easy_reset = library.function("curl_easy_reset");
  decltype(&::curl_easy_setopt) easy_setopt = library.function("curl_easy_setopt");
  decltype(&::curl_easy_strerror) easy_strerror = library.function("curl_easy_strerror");
  decltype(&::curl_free) free = library.function("curl_free");
  decltype(&::curl_getdate) getdate = library.function("curl_getdate");
  decltype(&::curl_global_init) global_init = library.function("curl_global_init");
  decltype(&::curl_slist_append) slist_append = library.function("curl_slist_append");
  decltype(&::curl_slist_free_all) slist_free_all = library.function("curl_slist_free_all");
  decltype(&::curl_url) url = library.function("curl_url");
  decltype(&::curl_url_cleanup) url_cleanup = library.function("curl_url_cleanup");
  decltype(&::curl_url_get) url_get = library.function("curl_url_get");
  decltype(&::curl_url_set) url_set = library.function("curl_url_set");
  decltype(&::curl_version_info) version_info = library.function("curl_version_info");
};

/// Loaded and initialised. Throws Error if it is not installed. Of any thread.
const Curl& curl();

}  // namespace kiln::http
