#include "package/apt_sources.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "base/error.h"
#include "base/file.h"

namespace kiln::package {
namespace {

using testing::ElementsAre;

std::string show(const std::vector<AptSource>& sources) {
  std::string text;
  const auto join = [](const std::vector<std::string>& words) {
    std::string out;
    for (const std::string& word : words) out += concat(out.empty() ? "" : ",", word);
    return out;
  };
  for (const AptSource& source : sources) {
    text += concat(join(source.uris), " ", join(source.suites), " ", join(source.components), " [", source.signed_by,
                   "]\n");
  }
  return text;
}

struct SourcesCase {
  const char* name;
  const char* text;
  const char* shown;
};

constexpr SourcesCase kLists[] = {
    {"Plain", "deb http://a.example/debian trixie main\n", "http://a.example/debian trixie main []\n"},
    {"Options", "deb [arch=amd64 signed-by=/k.gpg] http://a.example/d trixie main contrib\n",
     "http://a.example/d trixie main,contrib [/k.gpg]\n"},
    {"SourcesAndComments", "# deb http://a.example x main\ndeb-src http://a.example x main\n\n", ""},
    {"CommentAfter", "deb http://a.example x main # mine", "http://a.example x main []\n"},
    {"FlatRepository", "deb http://a.example ./\n", "http://a.example ./  []\n"},
    {"Tabs", "deb\thttp://a.example\tx\tmain\r\n", "http://a.example x main []\n"},
    {"TooShort", "deb http://a.example\n", ""},
    {"OpenOptions", "deb [arch=amd64 http://a.example x main\n", "[arch=amd64 http://a.example x,main []\n"},
};

constexpr SourcesCase kStanzas[] = {
    {"Plain", "Types: deb\nURIs: http://a.example\nSuites: x x-updates\nComponents: main\nSigned-By: /k.gpg\n",
     "http://a.example x,x-updates main [/k.gpg]\n"},
    {"TwoStanzas",
     "Types: deb\nURIs: http://a.example\nSuites: x\n\n\nTypes: deb deb-src\nURIs: http://b.example\nSuites: y\n",
     "http://a.example x  []\nhttp://b.example y  []\n"},
    {"Continued", "Types: deb\nURIs:\n http://a.example\n http://b.example\nSuites: x\nComponents: main\n",
     "http://a.example,http://b.example x main []\n"},
    {"CommentInside", "Types: deb\n# URIs: http://no.example\nuris: http://a.example\nSUITES: x\n",
     "http://a.example x  []\n"},
    {"Disabled", "Enabled: no\nTypes: deb\nURIs: http://a.example\nSuites: x\n", ""},
    {"SourceOnly", "Types: deb-src\nURIs: http://a.example\nSuites: x\n", ""},
    {"KeyInside", "Types: deb\nURIs: http://a.example\nSuites: x\nSigned-By:\n -----BEGIN\n .\n abc\n",
     "http://a.example x  []\n"},
    {"Nothing", "", ""},
};

class OneLine : public testing::TestWithParam<SourcesCase> {};
TEST_P(OneLine, IsParsed) { EXPECT_EQ(show(parse_sources_list(GetParam().text)), GetParam().shown); }
INSTANTIATE_TEST_SUITE_P(Cases, OneLine, testing::ValuesIn(kLists), [](const auto& row) { return row.param.name; });

class Deb822 : public testing::TestWithParam<SourcesCase> {};
TEST_P(Deb822, IsParsed) { EXPECT_EQ(show(parse_deb822_sources(GetParam().text)), GetParam().shown); }
INSTANTIATE_TEST_SUITE_P(Cases, Deb822, testing::ValuesIn(kStanzas), [](const auto& row) { return row.param.name; });

TEST(ChooseMirror, PassesThirdPartiesOver) {
  const std::vector<AptSource> sources = {
      {{"http://vendor.example"}, {"bookworm"}, {"stable"}, ""},
      {{"http://other.example"}, {"bookworm"}, {"main"}, "/usr/share/keyrings/other.gpg"},
      {{"http://archive.example"},
       {"bookworm", "bookworm-updates"},
       {"main"},
       "/usr/share/keyrings/debian-archive-keyring.gpg"},
      {{"http://security.example"}, {"bookworm-security"}, {"main"}, "/usr/share/keyrings/debian-archive-keyring.gpg"},
  };
  const auto mirror = choose_mirror(sources, "bookworm");
  ASSERT_TRUE(mirror);
  EXPECT_EQ(mirror->archive, "http://archive.example");
  EXPECT_EQ(mirror->security, "http://security.example");
}

TEST(ChooseMirror, KnowsSuitesByRank) {
  const auto mirror = choose_mirror({{{"http://a.example"}, {"stable"}, {"main"}, ""}}, "trixie");
  ASSERT_TRUE(mirror);
  EXPECT_EQ(mirror->archive, "http://a.example");
  EXPECT_EQ(mirror->security, "");
}

TEST(ChooseMirror, FindsNothingElsewhere) {
  EXPECT_FALSE(choose_mirror({{{"http://a.example"}, {"noble"}, {"main"}, ""}}, "bookworm"));
}

class Host : public testing::Test {
 protected:
  void SetUp() override {
    unsetenv("KILN_DEBIAN_MIRROR");
    make_directories(root_.path() / "etc/apt/sources.list.d");
    write_file(root_.path() / "etc/os-release", "ID=debian\nVERSION_CODENAME=\"trixie\"\n");
  }
  void TearDown() override { unsetenv("KILN_DEBIAN_MIRROR"); }
  TempDir root_;
};

TEST_F(Host, ReadsBothFormats) {
  write_file(root_.path() / "etc/apt/sources.list", "deb http://a.example trixie main\n");
  write_file(root_.path() / "etc/apt/sources.list.d/s.sources",
             "Types: deb\nURIs: http://s.example\nSuites: trixie-security\nComponents: main\n");
  write_file(root_.path() / "etc/apt/sources.list.d/old.sources.bak", "Types: deb\n");
  const DebianMirror mirror = find_debian_mirror(root_.path());
  EXPECT_EQ(mirror.archive, "http://a.example");
  EXPECT_EQ(mirror.security, "http://s.example");
}

TEST_F(Host, ObeysTheEnvironment) {
  setenv("KILN_DEBIAN_MIRROR", "http://mine.example/debian", 1);
  EXPECT_EQ(find_debian_mirror(root_.path()).archive, "http://mine.example/debian");
}

TEST_F(Host, SaysWhatToDoWithoutASource) {
  try {
    find_debian_mirror(root_.path());
    FAIL() << "found a mirror";
  } catch (const Error& error) {
    EXPECT_EQ(error.message(), "no Debian mirror: apt's sources on this host name none for its suite 'trixie'");
    EXPECT_EQ(error.hint(), "set KILN_DEBIAN_MIRROR to the URI of a Debian archive");
  }
}

}  // namespace
}  // namespace kiln::package
