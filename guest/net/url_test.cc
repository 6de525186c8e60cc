#include "net/url.h"

#include <gtest/gtest.h>

namespace guest {
namespace {

TEST(Url, Reads) {
  struct Case {
    const char* text;
    const char* host;
    int port;
    const char* path;
    const char* authority;
  };
  constexpr Case kCases[] = {
      {"http://10.0.2.2", "10.0.2.2", 80, "/", "10.0.2.2"},
      {"http://boot:8080/a/b?c=d#e", "boot", 8080, "/a/b?c=d", "boot:8080"},
      {"http://boot?x", "boot", 80, "/?x", "boot"},
      {"http://[fe80::1]:81/", "fe80::1", 81, "/", "[fe80::1]:81"},
      {"http://[::1]", "::1", 80, "/", "[::1]"},
      {"http://a:/x", "a", 80, "/x", "a"},
  };
  for (const Case& row : kCases) {
    Url url;
    EXPECT_EQ(parse_url(row.text, url), "") << row.text;
    EXPECT_EQ(url.host, row.host) << row.text;
    EXPECT_EQ(url.port, row.port) << row.text;
    EXPECT_EQ(url.path, row.path) << row.text;
    EXPECT_EQ(url.authority(), row.authority) << row.text;
  }
}

TEST(Url, SaysWhatIsWrong) {
  struct Case {
    const char* text;
    const char* problem;
  };
  constexpr Case kCases[] = {
      {"boot/x", "'boot/x': expected http://HOST[:PORT]/PATH"},
      {"https://boot/x", "'https://boot/x': expected http://; there is no TLS here"},
      {"http:///x", "'http:///x': expected a host"},
      {"http://a:0/", "'http://a:0/': expected a port from 1 to 65535"},
      {"http://a:65536/", "'http://a:65536/': expected a port from 1 to 65535"},
      {"http://a:8o/", "'http://a:8o/': expected a port from 1 to 65535"},
      {"http://user@a/", "'http://user@a/': expected a host name or an address"},
      {"http://[::1/", "'http://[::1/': expected ']' after an IPv6 address"},
      {"http://[::1]x/", "'http://[::1]x/': expected ':' or '/' after ']'"},
      {"http://[x]/", "'http://[x]/': expected an IPv6 address between the brackets"},
      {"http://a/b c", "'http://a/b c': expected no blanks, no control characters, no bytes above 126"},
      {"http://a/\r\nX: y", "'http://a/\\015\\012X: y': expected no blanks, no control characters, no bytes above 126"},
  };
  for (const Case& row : kCases) {
    Url url;
    EXPECT_EQ(parse_url(row.text, url), row.problem);
  }
}

TEST(Url, Below) {
  Url url;
  ASSERT_EQ(parse_url("http://a/b", url), "");
  EXPECT_EQ(below(url, "meta-data").text(), "http://a/b/meta-data");
  ASSERT_EQ(parse_url("http://a/b/", url), "");
  EXPECT_EQ(below(url, "meta-data").text(), "http://a/b/meta-data");
}

}  // namespace
}  // namespace guest
