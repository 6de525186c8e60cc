#include "package/deb_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "archive/tar_writer.h"
#include "base/error.h"
#include "base/file.h"

namespace kiln::package {
namespace {

struct Member {
  char type;
  std::string path, text;  // content or link
};

std::string make_tar(const std::vector<Member>& members) {
  std::string tar;
  for (const Member& member : members) {
    archive::TarHeader header;
    header.path = member.path;
    header.type = member.type;
    header.mode = 0644;
    header.uid = 7;
    header.mtime = 1000;
    if (member.type == '0')
      header.size = member.text.size();
    else
      header.link = member.text;
    archive::append_tar_header(tar, header);
    if (member.type != '0') continue;
    tar += member.text;
    tar.append(archive::tar_padding(member.text.size()), '\0');
  }
  return tar + std::string{archive::tar_end()};
}

std::string make_deb(const std::vector<std::pair<std::string, std::string>>& files) {
  std::string deb = "!<arch>\n";
  for (const auto& [name, content] : files) {
    std::string header = name;
    header.resize(16, ' ');
    header += "0           0     0     100644  ";
    std::string size = std::to_string(content.size());
    size.resize(10, ' ');
    deb += header + size + "`\n" + content;
    if (content.size() % 2 == 1) deb += '\n';
  }
  return deb;
}

std::string make_deb(const std::vector<Member>& members) {
  return make_deb({{"debian-binary", "2.0\n"}, {"control.tar", make_tar({})}, {"data.tar", make_tar(members)}});
}

TEST(Deb, IsListed) {
  const std::string deb = make_deb({{'5', "./", ""},
                                    {'5', "./usr/", ""},
                                    {'0', "./usr/bin/tool", "#!/bin/sh\n"},
                                    {'2', "./bin/link", "tool"},
                                    {'1', "./usr/bin/hard", "./usr/bin/tool"}});
  const std::vector<DebEntry> entries = list_deb(as_bytes(deb), "x.deb");
  ASSERT_EQ(entries.size(), 5U);
  EXPECT_EQ(entries[0].path, "/");
  EXPECT_EQ(entries[1].kind, DebEntry::Kind::directory);
  EXPECT_EQ(entries[2].path, "/usr/bin/tool");
  EXPECT_EQ(entries[2].size, 10U);
  EXPECT_EQ(entries[2].uid, 7U);
  EXPECT_EQ(entries[2].mtime, 1000);
  EXPECT_FALSE(entries[2].linkage);
  EXPECT_EQ(entries[3].path, "/usr/bin/link");
  EXPECT_EQ(entries[3].link, "tool");
  EXPECT_EQ(entries[4].kind, DebEntry::Kind::hard_link);
  EXPECT_EQ(entries[4].link, "/usr/bin/tool");
}

TEST(Deb, TellsHowProgramsAreLinked) {
  const std::string program = read_file("/proc/self/exe", std::size_t{1} << 30);
  const std::vector<DebEntry> entries = list_deb(as_bytes(make_deb({{'0', "./usr/bin/me", program}})), "x.deb");
  ASSERT_EQ(entries.size(), 1U);
  ASSERT_TRUE(entries[0].linkage);
  EXPECT_THAT(entries[0].linkage->needed, testing::Contains("libc.so.6"));
}

TEST(Deb, GivesContents) {
  const TempDir directory;
  write_file(directory.path() / "x.deb", make_deb({{'0', "./a", "one"}, {'0', "./b", "two"}, {'0', "./c", "three"}}));
  std::string all;
  DebFile{directory.path() / "x.deb"}.read([](const DebEntry& entry) { return entry.path != "/b"; },
                                           [&](const DebEntry& entry, Source& content) {
                                             all += concat(entry.path, "=", read_text(content, 100, "x"), ";");
                                           });
  EXPECT_EQ(all, "/a=one;/c=three;");
}

struct BadCase {
  const char* name;
  std::string deb;
  const char* message;
};

const BadCase kBad[] = {
    {"Nothing", "", "Debian package 'x.deb' is damaged"},
    {"Text", "hello, this is no archive", "Debian package 'x.deb' is damaged"},
    {"NoData", make_deb({{"debian-binary", "2.0\n"}}), "Debian package 'x.deb' is damaged: it has no data.tar"},
    {"DataIsText", make_deb({{"data.tar", std::string(2000, 'x')}}), "Debian package 'x.deb' is damaged"},
    {"Cut", make_deb({{'0', "./a", std::string(5000, 'a')}}).substr(0, 3000), "Debian package 'x.deb' is damaged"},
    {"Leaves", make_deb({{'0', "./../etc/passwd", "x"}}), "path './../etc/passwd' leaves its directory"},
    {"Device", make_deb({{'3', "./dev/null", ""}}),
     "Debian package 'x.deb': '/dev/null' is neither a file, a directory nor a link"},
};

class BadDeb : public testing::TestWithParam<BadCase> {};
TEST_P(BadDeb, IsRefused) {
  try {
    list_deb(as_bytes(GetParam().deb), "x.deb");
    FAIL() << "was accepted";
  } catch (const Error& error) {
    EXPECT_THAT(error.message(), testing::StartsWith(GetParam().message));
  }
}
INSTANTIATE_TEST_SUITE_P(Cases, BadDeb, testing::ValuesIn(kBad), [](const auto& row) { return row.param.name; });

TEST(CanonicalPath, IsInUsr) {
  EXPECT_EQ(canonical_path("./lib/x"), "/usr/lib/x");
  EXPECT_EQ(canonical_path("/lib64"), "/usr/lib64");
  EXPECT_EQ(canonical_path("usr//lib/./x/"), "/usr/lib/x");
  EXPECT_EQ(canonical_path("/library/x"), "/library/x");
  EXPECT_EQ(canonical_path("/etc/lib/x"), "/etc/lib/x");
  EXPECT_EQ(canonical_path(""), "/");
}

}  // namespace
}  // namespace kiln::package
