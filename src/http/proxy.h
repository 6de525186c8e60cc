#pragma once

#include <functional>
#include <string>

namespace kiln::http {

// Internal to this folder.

/// The proxy the environment has for a URL.
struct Proxy {
  std::string variable;  ///< its name; empty: there is none
  std::string url;
};

/// http_proxy or https_proxy by the URL's scheme, else all_proxy, in lower case or upper; the first that is not empty.
/// Loopback hosts have none. Whom no_proxy excepts is left to libcurl, which reads it the same way. HTTP_PROXY does not
/// count in a CGI program (REQUEST_METHOD is set), where it would be a header of the request.
Proxy find_proxy(const std::string& url, const std::function<const char*(const char*)>& environment);

}  // namespace kiln::http
