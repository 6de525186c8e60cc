#include "http/http_date.h"

#include <gtest/gtest.h>

namespace kiln::http {
namespace {

TEST(HttpDate, TheThreeForms) {
  constexpr std::time_t kMoment = 784111777;  // RFC 9110, 5.6.7
  EXPECT_EQ(format_date(kMoment), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(parse_date("Sun, 06 Nov 1994 08:49:37 GMT"), kMoment);
  EXPECT_EQ(parse_date("Sunday, 06-Nov-94 08:49:37 GMT"), kMoment);
  EXPECT_EQ(parse_date("Sun Nov  6 08:49:37 1994"), kMoment);
  EXPECT_EQ(parse_date("Thu, 01 Jan 1970 00:00:00 GMT"), 0);
  EXPECT_EQ(format_date(951782400), "Tue, 29 Feb 2000 00:00:00 GMT");
}

TEST(HttpDate, AnythingElseIsNone) {
  for (const char* text :
       {"", "now", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 CET", "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun, 06 Foo 1994 08:49:37 GMT", "Sun, 00 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 GMT ", "Sun, 06 Nov 1969 08:49:37 GMT", "Sun Nov 06 08:49 1994"}) {
    EXPECT_EQ(parse_date(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace kiln::http
