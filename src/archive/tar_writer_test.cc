#include "archive/tar_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "archive/tar_block.h"
#include "archive/tar_reader.h"
#include "archive/test_support.h"
#include "base/child_process.h"
#include "base/error.h"

namespace kiln::archive {
namespace {

std::string header_bytes(const TarHeader& header) {
  std::string out;
  append_tar_header(out, header);
  return out;
}

/// The fields of a block, those that are empty left out.
std::string describe(std::string_view bytes) {
  const auto& b = *reinterpret_cast<const TarBlock*>(bytes.data());
  std::string out;
  const auto add = [&](std::string_view name, std::string_view text) {
    if (!text.empty()) out += concat(name, "=", quote(text), " ");
  };
  add("name", tar_text(b.name));
  add("mode", tar_text(b.mode));
  add("uid", tar_text(b.uid));
  add("gid", tar_text(b.gid));
  add("size", tar_text(b.size));
  add("mtime", tar_text(b.mtime));
  add("checksum", std::string_view{b.checksum, 8});
  add("type", {&b.type, 1});
  add("link", tar_text(b.link));
  add("magic", std::string_view{b.magic, 8});
  add("uname", tar_text(b.user_name));
  add("gname", tar_text(b.group_name));
  add("major", tar_text(b.dev_major));
  add("minor", tar_text(b.dev_minor));
  add("prefix", tar_text(b.prefix));
  return out;
}

TEST(TarWriter, PlainHeaderIsOneUstarBlock) {
  const std::string bytes = header_bytes({.path = "bin/sh",
                                          .type = '1',
                                          .mode = 0755,
                                          .uid = 1,
                                          .gid = 2,
                                          .mtime = 1735689600,
                                          .link = "bin/busybox",
                                          .user_name = "root",
                                          .group_name = "wheel"});
  ASSERT_EQ(bytes.size(), 512U);
  EXPECT_EQ(describe(bytes),
            "name='bin/sh' mode='0000755' uid='0000001' gid='0000002' size='00000000000' mtime='14735102600' "
            "checksum='014461\\x00 ' type='1' link='bin/busybox' magic='ustar\\x0000' uname='root' gname='wheel' "
            "major='0000000' minor='0000000' ");
}

TEST(TarWriter, RecordsComeInAnExtendedHeaderSortedByKey) {
  const std::string bytes = header_bytes(
      {.path = "boot/cmdline",
       .mode = 0644,
       .size = 56,
       .mtime = 1492533000,
       .records = {{"LINUXKIT.source", "lk/kernel:v1"}, {"LINUXKIT.location", "kernel"}, {"path", "ignored"}}});
  ASSERT_EQ(bytes.size(), 3 * 512U);
  EXPECT_EQ(describe(bytes),
            "name='boot/PaxHeaders.0/cmdline' mode='0000000' uid='0000000' gid='0000000' size='00000000074' "
            "mtime='00000000000' checksum='012523\\x00 ' type='x' magic='ustar\\x0000' ");
  EXPECT_EQ(bytes.substr(512, 68),
            "28 LINUXKIT.location=kernel\n32 LINUXKIT.source=lk/kernel:v1\n" + std::string(8, '\0'));
  EXPECT_EQ(tar_text(reinterpret_cast<const TarBlock*>(bytes.data() + 1024)->name), "boot/cmdline");
}

struct RecordCase {
  const char* name;
  TarHeader header;
  std::string data;       ///< of the extended header; empty: there is none
  std::string_view path;  ///< in the ustar header
};

TEST(TarWriter, WritesARecordOnlyForWhatUstarCannotHold) {
  const std::string exact(100, 'e'), over(101, 'o');
  const RecordCase cases[] = {
      {"Path100", {.path = exact}, "", exact},
      {"Path101", {.path = over}, "111 path=" + over + "\n", std::string_view{over}.substr(0, 100)},
      {"NotAscii", {.path = "d/\xc3\xbc.txt"}, "17 path=d/\xc3\xbc.txt\n", "d/.txt"},
      {"CutAtSlash",
       {.path = exact.substr(0, 99) + "/x"},
       "111 path=" + exact.substr(0, 99) + "/x\n",
       std::string_view{exact}.substr(0, 99)},
      {"Link", {.path = "l", .type = '2', .link = over}, "115 linkpath=" + over + "\n", "l"},
      {"Uid", {.path = "f", .uid = 2097151, .gid = 2097152}, "15 gid=2097152\n", "f"},
      {"Size", {.path = "f", .size = (1ULL << 33)}, "19 size=8589934592\n", "f"},
      {"SizeFits", {.path = "f", .size = (1ULL << 33) - 1}, "", "f"},
      {"Mtime", {.path = "f", .mtime = 1700000000, .mtime_nsec = 20}, "29 mtime=1700000000.00000002\n", "f"},
      {"MtimeNegative", {.path = "f", .mtime = -2, .mtime_nsec = 500000000}, "14 mtime=-1.5\n", "f"},
      {"MtimeZero", {.path = "f"}, "", "f"},
      {"UserName", {.path = "f", .user_name = std::string(33, 'u')}, "43 uname=" + std::string(33, 'u') + "\n", "f"},
      {"Xattr",
       {.path = "f", .records = {{"SCHILY.xattr.user.a", std::string{"\0\n=", 3}}}},
       "27 SCHILY.xattr.user.a=" + std::string{"\0\n=", 3} + "\n",
       "f"},
  };
  for (const RecordCase& c : cases) {
    SCOPED_TRACE(c.name);
    const std::string bytes = header_bytes(c.header);
    const bool extended = !c.data.empty();
    ASSERT_EQ(bytes.size(), extended ? 1536U : 512U);
    EXPECT_EQ(bytes.substr(512, c.data.size()), c.data);
    EXPECT_EQ(tar_text(reinterpret_cast<const TarBlock*>(bytes.data() + (extended ? 1024 : 0))->name), c.path);
  }
}

struct NameCase {
  std::string_view path, name;
};
TEST(TarWriter, NamesTheExtendedHeaderAsGoDoes) {
  const NameCase cases[] = {
      {"a", "PaxHeaders.0/a"},           {"a/b", "a/PaxHeaders.0/b"}, {"a/b/", "a/b/PaxHeaders.0"},
      {"./lib/x", "lib/PaxHeaders.0/x"}, {"./", "PaxHeaders.0"},      {"/abs/x", "/abs/PaxHeaders.0/x"},
      {"a/../b", "PaxHeaders.0/b"},
  };
  for (const NameCase& c : cases) {
    const std::string bytes = header_bytes({.path = std::string{c.path}, .records = {{"k", "v"}}});
    EXPECT_EQ(tar_text(reinterpret_cast<const TarBlock*>(bytes.data())->name), c.name) << c.path;
  }
}

TEST(TarWriter, RefusesWhatNoTarCanHold) {
  EXPECT_THAT(
      [] {
        header_bytes({.path = std::string{"a\0b", 3}});
      },
      testing::ThrowsMessage<Error>("tar entry: path 'a\\x00b' contains a NUL"));
  EXPECT_THAT(
      [] {
        header_bytes({.path = "f", .records = {{"a=b", "v"}}});
      },
      testing::ThrowsMessage<Error>("tar entry 'f': pax key 'a=b' is empty or contains '=' or a NUL"));
}

/// One of everything, and what the foreign tools must list.
std::string example_tar() {
  std::string tar;
  append_tar_entry(tar, {.path = "dir", .type = '5', .mode = 01777, .mtime = 1700000000});
  append_tar_entry(
      tar, {.path = "dir/file", .mode = 04755, .uid = 1000, .gid = 3000000, .mtime = 1700000000, .mtime_nsec = 5},
      "content\n");
  append_tar_entry(tar, {.path = "dir/" + std::string(120, 'n'), .mode = 0644, .mtime = 1700000000},
                   std::string(513, 'x'));
  append_tar_entry(tar, {.path = "dir/link", .type = '1', .mode = 04755, .mtime = 1700000000, .link = "dir/file"});
  append_tar_entry(
      tar, {.path = "dir/s\xc3\xbdmlink", .type = '2', .mode = 0777, .mtime = 1700000000, .link = "../else/where"});
  append_tar_entry(
      tar, {.path = "dir/null", .type = '3', .mode = 0666, .mtime = 1700000000, .rdev_major = 1, .rdev_minor = 3});
  append_tar_entry(tar, {.path = "dir/fifo", .type = '6', .mode = 0600, .mtime = 1700000000});
  tar += tar_end();
  return tar;
}

TEST(TarWriter, OurReaderGetsBackWhatWasWritten) {
  const std::string tar = example_tar();
  MemorySource source{as_bytes(tar)};
  TarReader reader{source};
  std::string listing;
  while (const TarEntry* entry = reader.next())
    listing += concat(entry->type, " ", entry->mode, " ", entry->uid, ":", entry->gid, " ", entry->mtime, ".",
                      entry->mtime_nsec, " ", entry->size, " ", entry->path, " ", entry->link, " ", entry->rdev_major,
                      ",", entry->rdev_minor, "\n");
  EXPECT_EQ(listing, concat("5 1023 0:0 1700000000.0 0 dir  0,0\n"
                            "0 2541 1000:3000000 1700000000.5 8 dir/file  0,0\n"
                            "0 420 0:0 1700000000.0 513 dir/",
                            std::string(120, 'n'),
                            "  0,0\n"
                            "1 2541 0:0 1700000000.0 0 dir/link dir/file 0,0\n"
                            "2 511 0:0 1700000000.0 0 dir/s\xc3\xbdmlink ../else/where 0,0\n"
                            "3 438 0:0 1700000000.0 0 dir/null  1,3\n"
                            "6 384 0:0 1700000000.0 0 dir/fifo  0,0\n"));
}

struct Tool {
  const char* program;
  std::vector<std::string> arguments;
  std::string listing;
};

TEST(TarWriter, ForeignToolsListTheSame) {
  const std::string n(120, 'n');
  const Tool tools[] = {
      {"tar",
       {"tar", "--numeric-owner", "--utc", "--quoting-style=literal", "-tvf", "-"},
       concat("drwxrwxrwt 0/0               0 2023-11-14 22:13 dir\n"
              "-rwsr-xr-x 1000/3000000      8 2023-11-14 22:13 dir/file\n"
              "-rw-r--r-- 0/0             513 2023-11-14 22:13 dir/",
              n,
              "\n"
              "hrwsr-xr-x 0/0               0 2023-11-14 22:13 dir/link link to dir/file\n"
              "lrwxrwxrwx 0/0               0 2023-11-14 22:13 dir/s\xc3\xbdmlink -> ../else/where\n"
              "crw-rw-rw- 0/0             1,3 2023-11-14 22:13 dir/null\n"
              "prw------- 0/0               0 2023-11-14 22:13 dir/fifo\n")},
      {"bsdtar",
       {"bsdtar", "-tf", "-"},
       concat("dir\ndir/file\ndir/", n, "\ndir/link\ndir/s\xc3\xbdmlink\ndir/null\ndir/fifo\n")},
  };
  for (const Tool& tool : tools) {
    if (!find_program(tool.program)) {
      std::cout << "skipped: " << tool.program << " is not installed\n";
      continue;
    }
    EXPECT_EQ(run_checked({tool.arguments, {{"LC_ALL", "C.UTF-8"}, {"TZ", "UTC"}}, {}, example_tar()}), tool.listing)
        << tool.program;
  }
}

}  // namespace
}  // namespace kiln::archive
