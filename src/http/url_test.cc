#include "http/url.h"

#include <gtest/gtest.h>

namespace kiln::http {
namespace {

TEST(Url, Origins) {
  EXPECT_EQ(origin_of("https://Host/x?y"), "https://host:443");
  EXPECT_EQ(origin_of("http://host:5000"), "http://host:5000");
  EXPECT_EQ(origin_of("file:///etc/passwd"), "");
  EXPECT_EQ(origin_of("::"), "");
  EXPECT_EQ(resolve_url("https://a/v2/x?y", "/z?w"), "https://a/z?w");
  EXPECT_EQ(resolve_url("https://a/v2/x", "https://b:1/c"), "https://b:1/c");
  EXPECT_TRUE(is_loopback("http://127.1.2.3:80/"));
  EXPECT_TRUE(is_loopback("http://localhost"));
  EXPECT_TRUE(is_loopback("http://[::1]:5000"));
  EXPECT_FALSE(is_loopback("http://127.example"));
  EXPECT_FALSE(is_loopback("http://localhost.example"));
  EXPECT_EQ(url_escape("a b/c:\xff~"), "a%20b%2Fc%3A%FF~");
}

}  // namespace
}  // namespace kiln::http
