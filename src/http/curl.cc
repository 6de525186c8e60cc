#include "http/curl.h"

#include "base/error.h"

namespace kiln::http {

const Curl& curl() {
  static const Curl loaded;
  static const CURLcode initialised = loaded.global_init(CURL_GLOBAL_DEFAULT);
  if (initialised != CURLE_OK) throw Error{"libcurl cannot be initialised"};
  return loaded;
}

}  // namespace kiln::http
