#include "http/proxy.h"

#include <initializer_list>

#include "http/url.h"

namespace kiln::http {

Proxy find_proxy(const std::string& url, const std::function<const char*(const char*)>& environment) {
  if (is_loopback(url)) return {};
  const auto first_of = [&](std::initializer_list<const char*> names) -> Proxy {
    for (const char* name : names) {
      if (const char* value = environment(name); value != nullptr && *value != '\0') return {name, value};
    }
    return {};
  };
  const bool is_cgi = environment("REQUEST_METHOD") != nullptr;
  Proxy proxy;
  if (origin_of(url).starts_with("https://")) {
    proxy = first_of({"https_proxy", "HTTPS_PROXY"});
  } else {
    proxy = is_cgi ? first_of({"http_proxy"}) : first_of({"http_proxy", "HTTP_PROXY"});
  }
  return proxy.variable.empty() ? first_of({"all_proxy", "ALL_PROXY"}) : proxy;
}

}  // namespace kiln::http
