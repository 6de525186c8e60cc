#include "config/node.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "config/nearest.h"
#include "config/scalar.h"
#include "config/utf8.h"

namespace kiln::config {
namespace {

using Kind = Node::Kind;

struct ScalarCase {
  const char* text;
  Kind kind;
};

constexpr ScalarCase kScalars[] = {
    {"true", Kind::boolean},
    {"True", Kind::boolean},
    {"FALSE", Kind::boolean},
    {"tRue", Kind::string},
    {"yes", Kind::string},
    {"on", Kind::string},
    {"y", Kind::string},
    {"no", Kind::string},
    {"off", Kind::string},
    {"0644", Kind::integer},
    {"0o644", Kind::integer},
    {"0b1", Kind::integer},
    {"1_000", Kind::integer},
    {"0x1f", Kind::integer},
    {"-5", Kind::integer},
    {"+5", Kind::integer},
    {"0", Kind::integer},
    {"0899", Kind::number},
    {"1.5", Kind::number},
    {".5", Kind::number},
    {"1e3", Kind::number},
    {"1e", Kind::string},
    {".inf", Kind::number},
    {"-.INF", Kind::number},
    {".nan", Kind::number},
    {".", Kind::string},
    {"-", Kind::string},
    {"2017-04-18", Kind::string},
    {"1.2.3", Kind::string},
    {"64M", Kind::string},
    {"_1", Kind::string},
    {"~", Kind::null},
    {"null", Kind::null},
    {"NULL", Kind::null},
    {"", Kind::null},
    {"nil", Kind::string},
    {"0x", Kind::string},
    {"18446744073709551615", Kind::integer},
    {"18446744073709551616", Kind::number},
};

TEST(Scalar, TypesOfSection12) {
  for (const ScalarCase& test : kScalars) EXPECT_EQ(plain_scalar_kind(test.text), test.kind) << test.text;
}

TEST(Scalar, IntegersInEveryBase) {
  EXPECT_EQ(parse_integer("0644")->magnitude, 420U);
  EXPECT_EQ(parse_integer("0o644")->magnitude, 420U);
  EXPECT_EQ(parse_integer("0b101")->magnitude, 5U);
  EXPECT_EQ(parse_integer("0x1F")->magnitude, 31U);
  EXPECT_EQ(parse_integer("1_000")->magnitude, 1000U);
  EXPECT_TRUE(parse_integer("-1")->negative);
}

NodePtr parse(const std::string& text, const Limits& limits = Limits{}) {
  Diagnostics diagnostics;
  NodePtr root = parse_yaml(text, "t", diagnostics, limits);
  diagnostics.throw_if_any();
  return root;
}

TEST(Yaml, QuotesAndTagsMakeStrings) {
  for (const char* text : {"a: '5'", "a: \"5\"", "a: !!str 5", "a: |-\n  5", "a: ! 5"})
    EXPECT_EQ(parse(text)->find("a")->kind, Kind::string) << text;
  EXPECT_EQ(parse("a: !!int \"5\"")->find("a")->kind, Kind::integer);
  EXPECT_EQ(parse("a: !!float 5")->find("a")->kind, Kind::number);
}

TEST(Yaml, PositionsCountFromOne) {
  const NodePtr root = parse("a:\n  b: [x,\n   y]\n");
  const Node& y = *root->find("a")->find("b")->items[1];
  EXPECT_EQ(y.line, 3);
  EXPECT_EQ(y.column, 4);
}

TEST(Yaml, OnlyTheFirstDocument) {
  EXPECT_EQ(parse("--- {a: 1}\n---\n[b, {c")->entries.size(), 1u);
  EXPECT_EQ(parse("{a: 1}\n...\n[b, {c")->entries.size(), 1u);
}

TEST(Yaml, JsonIsYaml) {
  const NodePtr root = parse("{\n\t\"a\":[1,true,\"x\\u00e9\\/\"],\"b\":{}}");
  EXPECT_EQ(root->find("a")->items[2]->text, "x\u00e9/");
  EXPECT_EQ(root->find("b")->kind, Kind::mapping);
}

TEST(Yaml, AliasesShareTheirAnchor) {
  const NodePtr root = parse("a: &x [1]\nb: *x\n");
  EXPECT_EQ(root->find("a"), root->find("b"));
}

TEST(Yaml, MergeKeysYieldToOwnKeysAndEarlierSources) {
  const NodePtr root = parse("a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\nc:\n  <<: [*a, *b]\n  x: 3\n");
  const Node& c = *root->find("c");
  EXPECT_EQ(c.entries.size(), 3u);
  EXPECT_EQ(c.find("x")->text, "3");
  EXPECT_EQ(c.find("y")->text, "1");
  EXPECT_EQ(c.find("z")->text, "2");
}

TEST(Yaml, QuotedMergeKeyIsAKey) { EXPECT_EQ(parse("\"<<\": a")->find("<<")->text, "a"); }

std::string laughs(int levels) {
  std::string text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < levels; ++i) {
    text += concat("a", i, ": &a", i, " [");
    for (int j = 0; j < 9; ++j) text += concat(j == 0 ? "" : ", ", "*a", i - 1);
    text += "]\n";
  }
  return text;
}

TEST(Yaml, RefusesABillionLaughs) {
  EXPECT_THAT([] { parse(laughs(10)); },
              testing::ThrowsMessage<Error>(testing::HasSubstr("aliases expand to more than 64 MiB")));
  EXPECT_NO_THROW(parse(laughs(3)));
}

TEST(Yaml, RefusesDeepNesting) {
  EXPECT_THAT([] { parse(std::string(5000, '[')); },
              testing::ThrowsMessage<Error>(testing::HasSubstr("nested more than 100 levels deep")));
  std::string block;
  for (int i = 0; i < 2000; ++i) block += "- ";
  EXPECT_THAT([&] { parse(block); }, testing::ThrowsMessage<Error>("t:1:201: nested more than 100 levels deep"));
}

TEST(Yaml, RefusesTooMuch) {
  Limits limits;
  limits.bytes = 1 << 20;
  limits.nodes = 3;
  EXPECT_THAT([&] { parse("[a, b, c]", limits); },
              testing::ThrowsMessage<Error>("t:1:8: the document has more than 3 values"));
  EXPECT_THAT([&] { parse(std::string((1 << 20) + 1, 'a'), limits); },
              testing::ThrowsMessage<Error>("t: is larger than 1 MiB"));
  EXPECT_THAT([&] { parse(std::string(1'000'000, '[')); },
              testing::ThrowsMessage<Error>("t: has more than 500000 brackets and commas"));
}

struct Utf8Case {
  const char* name;
  std::string_view text;
  int column;  ///< of the mistake, 0 for none
};

constexpr Utf8Case kUtf8[] = {
    {"Ascii", "abc", 0},
    {"AllLengths", "\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80", 0},
    {"Continuation", "a\x80", 2},
    {"Overlong2", "\xc0\xaf", 1},
    {"Overlong3", "\xe0\x9f\xbf", 1},
    {"Overlong4", "\xf0\x8f\xbf\xbf", 1},
    {"Surrogate", "\xed\xa0\x80", 1},
    {"BeyondUnicode", "\xf4\x90\x80\x80", 1},
    {"CutOff", "ab\xe2\x82", 3},
    {"Nul", std::string_view{"a\0b", 3}, 2},
};

TEST(Utf8, FindsWhatIsNotWellFormed) {
  for (const Utf8Case& test : kUtf8) {
    const auto bad = find_invalid_utf8(test.text);
    EXPECT_EQ(bad ? bad->column : 0, test.column) << test.name;
  }
}

TEST(Nearest, PrefersTheLeastMistakes) {
  const std::vector<std::string_view> keys{"command", "capabilities", "env", "net", "pid"};
  EXPECT_EQ(nearest("comand", keys), "command");
  EXPECT_EQ(nearest("Command", keys), "command");
  EXPECT_EQ(nearest("capabilites", keys), "capabilities");
  EXPECT_EQ(nearest("dip", keys), std::nullopt);
  EXPECT_EQ(nearest("pdi", keys), "pid");
  EXPECT_EQ(nearest("volumes", keys), std::nullopt);
  EXPECT_EQ(nearest(std::string(1000, 'x'), keys), std::nullopt);
}

}  // namespace
}  // namespace kiln::config
