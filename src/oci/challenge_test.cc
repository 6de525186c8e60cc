#include "oci/challenge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "oci/backoff.h"
#include "oci/blob_receiver.h"

namespace kiln::oci {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(Challenge, Headers) {
  const struct {
    const char* header;
    std::vector<Challenge> expected;
  } cases[] = {
      {R"(Bearer realm="https://a/t",service="s",scope="repository:a/b:pull,push")",
       {{"bearer", {{"realm", "https://a/t"}, {"service", "s"}, {"scope", "repository:a/b:pull,push"}}}}},
      {R"(Basic realm="a \"b\" c")", {{"basic", {{"realm", "a \"b\" c"}}}}},
      {R"(Basic)", {{"basic", {}}}},
      {R"(BASIC Realm=x)", {{"basic", {{"realm", "x"}}}}},
      {R"(Negotiate, Basic realm="x" , Bearer realm = "y" , error="z")",
       {{"negotiate", {}}, {"basic", {{"realm", "x"}}}, {"bearer", {{"realm", "y"}, {"error", "z"}}}}},
      {R"(Bearer realm="unterminated)", {{"bearer", {{"realm", "unterminated"}}}}},
      {R"(Bearer realm="x\)", {{"bearer", {{"realm", "x\\"}}}}},
      {R"(Bearer realm=)", {{"bearer", {{"realm", ""}}}}},
      {R"(, ,)", {}},
      {"", {}},
      {R"("quoted" ;;)", {{"quoted", {}}}},
      {R"(realm="x")", {}},
  };
  for (const auto& good : cases) EXPECT_EQ(parse_challenges(good.header), good.expected) << good.header;
}

TEST(RetryAfter, SecondsAndDates) {
  using std::chrono::seconds;
  EXPECT_EQ(parse_retry_after("7"), seconds{7});
  EXPECT_EQ(parse_retry_after("Wed, 21 Oct 2015 07:28:00 GMT"), seconds{0});
  EXPECT_EQ(parse_retry_after("Fri, 31 Dec 2199 23:59:59 GMT"), seconds{86400});
  for (const char* strange : {"", "-5", "soon", "7x", "99999999999999999999"}) {
    EXPECT_EQ(parse_retry_after(strange), seconds{0}) << strange;
  }
}

TEST(Backoff, CountsFailuresInARow) {
  RegistryOptions options;
  options.attempts = 3;
  options.first_delay = options.longest_delay = std::chrono::milliseconds{1};
  Backoff backoff{options};
  EXPECT_TRUE(backoff.wait(std::chrono::hours{1}));  // as far as the options allow
  EXPECT_TRUE(backoff.wait());
  backoff.progress();
  EXPECT_TRUE(backoff.wait());
  EXPECT_TRUE(backoff.wait());
  EXPECT_FALSE(backoff.wait());
  EXPECT_EQ(backoff.failures(), 3u);
}

TEST(ContentRange, Headers) {
  const auto range = parse_content_range("bytes 5-9/10");
  ASSERT_TRUE(range);
  EXPECT_EQ(range->first, 5u);
  EXPECT_EQ(range->last, 9u);
  EXPECT_EQ(range->total, 10u);
  EXPECT_FALSE(parse_content_range("bytes 5-9/*")->total);
  for (const char* bad : {"", "bytes", "bytes 5-", "bytes 5-9", "bytes 9-5/10", "bytes 5-9/9", "bytes 5-9/10x",
                          "bytes */10", "items 5-9/10", "bytes 99999999999999999999-9/10"}) {
    EXPECT_FALSE(parse_content_range(bad)) << bad;
  }
}

}  // namespace
}  // namespace kiln::oci
