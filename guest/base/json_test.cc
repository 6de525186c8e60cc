#include "base/json.h"

#include <gtest/gtest.h>

namespace guest::json {
namespace {

struct BadCase {
  const char* name;
  std::string text;
  const char* problem;
};

const BadCase kBad[] = {
    {"Empty", "", "line 1: expected a value"},
    {"TrailingComma", "[1,]", "line 1: expected a value"},
    {"MissingColon", "{\n\"a\" 1}", "line 2: expected ':' after a member's name"},
    {"BareName", "{a: 1}", "line 1: expected a member's name in quotes"},
    {"MissingComma", "[1 2]", "line 1: expected ',' or ']' after an element"},
    {"MemberComma", "{\"a\": 1 \"b\": 2}", "line 1: expected ',' or '}' after a member"},
    {"Trailing", "{}\n\n x", "line 3: expected the end of the text after the value"},
    {"LeadingZero", "01", "line 1: expected the end of the text after the value"},
    {"NoFraction", "1.", "line 1: expected digits after the decimal point"},
    {"NoExponent", "1e+", "line 1: expected digits in the exponent"},
    {"OpenString", "\"abc", "line 1: string without a closing quote"},
    {"RawControl", "\"a\nb\"", "line 2: control character in a string"},
    {"BadEscape", "\"\\x\"", "line 1: unknown escape in a string"},
    {"ShortUnicode", "\"\\u12\"", "line 1: expected four hexadecimal digits after \\u"},
    {"LoneLow", "\"\\udc00\"", "line 1: low surrogate without a high one"},
    {"LoneHigh", "\"\\ud800x\"", "line 1: high surrogate without a low one"},
    {"Nul", "\"\\u0000\"", "line 1: NUL character in a string"},
    {"Word", "nul", "line 1: expected a value"},
    {"TooDeep", std::string(66, '['), "line 1: arrays and objects nest deeper than 64 levels"},
};

TEST(Json, RefusesWithTheLine) {
  for (const BadCase& row : kBad) {
    Value value;
    EXPECT_EQ(parse(row.text, value), row.problem) << row.name;
  }
}

TEST(Json, ReadsEveryKind) {
  Value value;
  ASSERT_EQ(
      parse(
          R"( {"s": "a\u00e9\ud83d\ude00\n", "n": -12, "f": 1.5e3, "t": true, "z": null, "l": [1, "x", "y"], "o": {"k": "v"}} )",
          value),
      "");
  EXPECT_EQ(value["s"].text(), "a\xc3\xa9\xf0\x9f\x98\x80\n");
  EXPECT_EQ(value["n"].integer(), -12);
  EXPECT_EQ(value["f"].integer(7), 7);
  EXPECT_EQ(value["f"].text(), "1.5e3");
  EXPECT_TRUE(value["t"].boolean());
  EXPECT_TRUE(value["z"].is(Value::Kind::null));
  EXPECT_EQ(value["l"].strings(), (std::vector<std::string>{"x", "y"}));
  EXPECT_EQ(value["o"]["k"].text(), "v");
  EXPECT_TRUE(value["absent"]["deeper"].is(Value::Kind::null));
}

TEST(Json, LastOfRepeatedMembersCounts) {
  Value value;
  ASSERT_EQ(parse(R"({"a": 1, "a": 2})", value), "");
  EXPECT_EQ(value["a"].integer(), 2);
}

TEST(Json, DeepestAllowed) {
  Value value;
  EXPECT_EQ(parse(std::string(64, '[') + std::string(64, ']'), value), "");
}

TEST(Json, QuotesForItself) {
  Value value;
  std::string hard = "a\"b\\c\n\x01 \xc3\xa9";
  ASSERT_EQ(parse(quote(hard), value), "");
  EXPECT_EQ(value.text(), hard);
}

}  // namespace
}  // namespace guest::json
