#include "http/target.h"

#include <gtest/gtest.h>

namespace kiln::http {
namespace {

struct PathCase {
  const char* text;
  const char* path;
};

constexpr PathCase kPaths[] = {
    {"/", "/"},
    {"//", "/"},
    {"/a", "/a"},
    {"/a/", "/a/"},
    {"/a//b///c", "/a/b/c"},
    {"/a/./b", "/a/b"},
    {"/a/b/.", "/a/b/"},
    {"/a/b/..", "/a/"},
    {"/a/../b", "/b"},
    {"/a/..", "/"},
    {"/a/%2e%2e/b", "/b"},
    {"/%252e%252e/b", "/%2e%2e/b"},  // decoded once: a name
    {"/..a/...", "/..a/..."},
    {"/a\\..\\b", "/a\\..\\b"},
    {"/a%5c..%5cb", "/a\\..\\b"},
    {"/.hidden", "/.hidden"},
    {"/\xc3\xbc", "/\xc3\xbc"},
    {"/%C3%bc", "/\xc3\xbc"},
    {"/a+b", "/a+b"},
    {"/a?", "/a"},
    {"HTTP://host", "/"},
    {"http://host?q", "/"},
    {"http://host//a", "/a"},
};

TEST(Target, Paths) {
  for (const PathCase& one : kPaths) {
    const auto parsed = parse_target(one.text);
    ASSERT_TRUE(std::holds_alternative<Target>(parsed)) << one.text << ": " << std::get<std::string>(parsed);
    EXPECT_EQ(std::get<Target>(parsed).path, one.path) << one.text;
  }
}

TEST(Target, Queries) {
  const auto parsed = parse_target("/?mac=52%3a54&&flag&a=b=c&=x&%3D=%26&plus=a+b");
  const std::vector<std::pair<std::string, std::string>> expected = {{"mac", "52:54"}, {"flag", ""}, {"a", "b=c"},
                                                                     {"", "x"},        {"=", "&"},   {"plus", "a b"}};
  EXPECT_EQ(std::get<Target>(parsed).query, expected);
}

TEST(Target, EscapedPathsAreReadBack) {
  std::string name = "/";
  for (int c = 1; c < 256; ++c) {
    if (c != '/') name += static_cast<char>(c);
  }
  EXPECT_EQ(std::get<Target>(parse_target(escape_path(name))).path, name);
  EXPECT_EQ(escape_path("/a b?\"<>#%"), "/a%20b%3F%22%3C%3E%23%25");
}

}  // namespace
}  // namespace kiln::http
