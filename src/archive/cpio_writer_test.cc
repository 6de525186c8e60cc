#include "archive/cpio_writer.h"

#include <gtest/gtest.h>

#include <iostream>

#include "base/child_process.h"
#include "base/error.h"

namespace kiln::archive {
namespace {

TEST(CpioWriter, HeaderIsAsTheKernelDocumentsIt) {
  std::string out;
  append_cpio_header(out, {.path = "dir/a",
                           .ino = 0x2d1,
                           .mode = 0100644,
                           .uid = 1000,
                           .gid = 0xfffffffe,
                           .nlink = 2,
                           .mtime = 1492533000,
                           .size = 5,
                           .dev_major = 3,
                           .dev_minor = 1,
                           .rdev_major = 8,
                           .rdev_minor = 255});
  EXPECT_EQ(out,
            "070701000002d1000081a4000003e8fffffffe0000000258f63f08000000050000000300000001000000080000"
            "00ff0000000600000000dir/a" +
                std::string(1, '\0'));
}

TEST(CpioWriter, NamesArePaddedToFour) {
  for (std::size_t length = 1; length < 10; ++length) {
    const std::string name(length, 'n');
    std::string out;
    append_cpio_header(out, {.path = name});
    EXPECT_EQ(out.size() % 4, 0U) << length;
    EXPECT_LT(out.size() - (110 + length + 1), 4U) << length;
    EXPECT_EQ(out.substr(110, length + 1), name + '\0');
  }
}

TEST(CpioWriter, TrailerEndsTheArchive) {
  EXPECT_EQ(cpio_trailer().substr(110), std::string("TRAILER!!!\0\0\0\0", 14));
  EXPECT_EQ(cpio_trailer().size(), 124U);
  EXPECT_EQ(
      cpio_trailer().substr(0, 110),
      "07070100000000000000000000000000000000000000010000000000000000000000000000000000000000000000000000000b00000000");
}

std::string example_cpio() {
  std::string out;
  const auto add = [&](CpioHeader header, std::string_view content = {}) {
    header.size = static_cast<std::uint32_t>(content.size());
    append_cpio_header(out, header);
    out += content;
    out.append(cpio_padding(content.size()), '\0');
  };
  add({.path = "dir", .ino = 1, .mode = 040755, .nlink = 2, .mtime = 1700000000});
  add({.path = "dir/file", .ino = 2, .mode = 0104755, .uid = 7, .gid = 8, .nlink = 2, .mtime = 1700000000}, "hello");
  add({.path = "dir/hard", .ino = 2, .mode = 0104755, .uid = 7, .gid = 8, .nlink = 2, .mtime = 1700000000});
  add({.path = "dir/link", .ino = 3, .mode = 0120777, .mtime = 1700000000}, "file");
  add({.path = "dir/null", .ino = 4, .mode = 020666, .mtime = 1700000000, .rdev_major = 1, .rdev_minor = 3});
  out += cpio_trailer();
  return out;
}

struct Tool {
  const char* program;
  std::vector<std::string> arguments;
  const char* listing;
};

TEST(CpioWriter, ForeignToolsListTheSame) {
  const Tool tools[] = {
      {"cpio", {"cpio", "--quiet", "-it"}, "dir\ndir/file\ndir/hard\ndir/link\ndir/null\n"},
      {"cpio",
       {"cpio", "--quiet", "-itvn"},
       "drwxr-xr-x   2 0        0               0 Nov 14  2023 dir\n"
       "-rwsr-xr-x   2 7        8               5 Nov 14  2023 dir/file\n"
       "-rwsr-xr-x   2 7        8               0 Nov 14  2023 dir/hard\n"
       "lrwxrwxrwx   1 0        0               4 Nov 14  2023 dir/link -> file\n"
       "crw-rw-rw-   1 0        0          1,   3 Nov 14  2023 dir/null\n"},
      {"bsdtar", {"bsdtar", "-tf", "-"}, "dir\ndir/file\ndir/hard\ndir/link\ndir/null\n"},
  };
  for (const Tool& tool : tools) {
    if (!find_program(tool.program)) {
      std::cout << "skipped: " << tool.program << " is not installed\n";
      continue;
    }
    EXPECT_EQ(run_checked({tool.arguments, {{"LC_ALL", "C"}, {"TZ", "UTC"}}, {}, example_cpio()}), tool.listing);
  }
}

}  // namespace
}  // namespace kiln::archive
