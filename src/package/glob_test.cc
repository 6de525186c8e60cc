#include "package/glob.h"

#include <gtest/gtest.h>

namespace kiln::package {
namespace {

struct GlobCase {
  const char* name;
  const char* pattern;
  const char* path;
  bool matches;
};

constexpr GlobCase kCases[] = {
    {"Plain", "/usr/sbin/nginx", "/usr/sbin/nginx", true},
    {"PlainOther", "/usr/sbin/nginx", "/usr/sbin/nginxx", false},
    {"Prefix", "/usr/sbin/nginx", "/usr/sbin", false},
    {"Star", "/etc/*.conf", "/etc/host.conf", true},
    {"StarStaysInItsDirectory", "/etc/*.conf", "/etc/nginx/nginx.conf", false},
    {"StarTakesNothing", "/etc/a*", "/etc/a", true},
    {"TwoStars", "/a*b*c", "/aXbYc", true},
    {"StarGoesBack", "/*ab", "/aab", true},
    {"DoubleStar", "/etc/nginx/**", "/etc/nginx/a/b", true},
    {"DoubleStarNotTheDirectory", "/etc/nginx/**", "/etc/nginx", false},
    {"DoubleStarInside", "/usr/**/copyright", "/usr/share/doc/libc6/copyright", true},
    {"DoubleStarThenStar", "/usr/**/lib*.so", "/usr/lib/x/libz.so", true},
    {"StarGivesBackToDoubleStar", "/**/*.ko", "/a/b.ko/c.ko", true},
    {"Question", "/a?c", "/abc", true},
    {"QuestionIsNoSlash", "/a?c", "/a/c", false},
    {"Set", "/lib[a-c].so", "/libb.so", true},
    {"SetNot", "/lib[!a-c].so", "/libb.so", false},
    {"SetWithBracket", "/[]x]", "/]", true},
    {"SetIsNoSlash", "/a[!b]c", "/a/c", false},
    {"OpenSet", "/a[b", "/a[b", true},
    {"Backslash", "/a\\*", "/a*", true},
    {"BackslashIsLiteral", "/a\\*", "/ab", false},
    {"BackslashAtTheEnd", "/a\\", "/a\\", true},
    {"Empty", "", "", true},
    {"EmptyPattern", "", "/a", false},
};

class Glob : public testing::TestWithParam<GlobCase> {};

TEST_P(Glob, Matches) { EXPECT_EQ(glob_matches(GetParam().pattern, GetParam().path), GetParam().matches); }

INSTANTIATE_TEST_SUITE_P(Cases, Glob, testing::ValuesIn(kCases), [](const auto& row) { return row.param.name; });

// Without the bound of one star to go back to, this takes longer than the universe has.
TEST(GlobTime, IsBounded) {
  std::string pattern;
  for (int i = 0; i < 200; ++i) pattern += "*a";
  EXPECT_FALSE(glob_matches(pattern + "b", std::string(4000, 'a')));
  std::string deep;
  for (int i = 0; i < 200; ++i) deep += "**a*";
  EXPECT_FALSE(glob_matches(deep + "b", std::string(2000, 'a')));
}

TEST(GlobText, IsRecognised) {
  EXPECT_TRUE(is_glob("/a*"));
  EXPECT_FALSE(is_glob("/usr/bin/crun"));
}

}  // namespace
}  // namespace kiln::package
