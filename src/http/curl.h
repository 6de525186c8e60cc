#pragma once

#include <curl/curl.h>

namespace kiln::http {

/// libcurl's functions, without the `curl_` of their names (curl.h(3) of each). With the thirty libraries it needs it
/// takes 8 ms to load, which a command without network must not spend: so the first call of curl() loads it.
struct Curl {
  decltype(&::curl_easy_cleanup) easy_cleanup;
  decltype(&::curl_easy_init) easy_init;
  decltype(&::curl_easy_perform) easy_perform;
  decltype(&::curl_easy_reset) easy_reset;
  decltype(&::curl_easy_setopt) easy_setopt;
  decltype(&::curl_easy_strerror) easy_strerror;
  decltype(&::curl_free) free;
  decltype(&::curl_getdate) getdate;
  decltype(&::curl_slist_append) slist_append;
  decltype(&::curl_slist_free_all) slist_free_all;
  decltype(&::curl_url) url;
  decltype(&::curl_url_cleanup) url_cleanup;
  decltype(&::curl_url_get) url_get;
  decltype(&::curl_url_set) url_set;
  decltype(&::curl_version_info) version_info;
};

/// Loaded and initialised. Throws Error if it is not installed. Of any thread.
const Curl& curl();

}  // namespace kiln::http
