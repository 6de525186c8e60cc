#include "http/proxy.h"

#include <gtest/gtest.h>

#include <map>

namespace kiln::http {
namespace {

struct Case {
  const char* name;
  std::map<std::string, std::string> environment;
  const char* url;
  const char* variable;
};

TEST(Proxy, Chosen) {
  const Case cases[] = {
      {"None", {}, "http://h/", ""},
      {"Lower", {{"http_proxy", "p"}, {"HTTP_PROXY", "q"}}, "http://h/", "http_proxy"},
      {"Upper", {{"HTTP_PROXY", "q"}}, "http://h/", "HTTP_PROXY"},
      {"UpperInCgi", {{"HTTP_PROXY", "q"}, {"REQUEST_METHOD", "GET"}}, "http://h/", ""},
      {"OtherScheme", {{"http_proxy", "p"}}, "https://h/", ""},
      {"Https", {{"http_proxy", "p"}, {"HTTPS_PROXY", "q"}}, "https://h/", "HTTPS_PROXY"},
      {"All", {{"ALL_PROXY", "a"}}, "https://h/", "ALL_PROXY"},
      {"AllComesLast", {{"all_proxy", "a"}, {"https_proxy", "q"}}, "https://h/", "https_proxy"},
      {"EmptyIsUnset", {{"https_proxy", ""}, {"all_proxy", "a"}}, "https://h/", "all_proxy"},
      {"Loopback", {{"all_proxy", "a"}}, "http://127.0.0.1:5000/", ""},
  };
  for (const Case& row : cases) {
    const Proxy proxy = find_proxy(row.url, [&](const char* name) -> const char* {
      const auto found = row.environment.find(name);
      return found == row.environment.end() ? nullptr : found->second.c_str();
    });
    EXPECT_EQ(proxy.variable, row.variable) << row.name;
    EXPECT_EQ(proxy.url, proxy.variable.empty() ? "" : row.environment.at(proxy.variable)) << row.name;
  }
}

}  // namespace
}  // namespace kiln::http
