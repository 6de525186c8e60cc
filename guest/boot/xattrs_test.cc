#include "boot/xattrs.h"

#include <gtest/gtest.h>

namespace guest {
namespace {

TEST(Xattrs, ReadsALine) {
  XattrRecord record;
  ASSERT_TRUE(parse_xattr_line("/a\\040b\\134c\tuser.x\t00ff4A", record));
  EXPECT_EQ(record, (XattrRecord{"/a b\\c", "user.x", std::string{"\x00\xffJ", 3}}));
}

TEST(Xattrs, NamesAreEscapedLikePaths) {
  XattrRecord record;
  ASSERT_TRUE(parse_xattr_line("/a\tuser.gr\\303\\274n\t00", record));
  EXPECT_EQ(record.name, "user.gr\xc3\xbcn");
}

TEST(Xattrs, WhatShouldBeEscapedIsRefusedRaw) {
  XattrRecord record;
  EXPECT_FALSE(parse_xattr_line(std::string_view{"/a\tuser.x\0y\t00", 12}, record));
  EXPECT_FALSE(parse_xattr_line("/a b\tuser.x\t00", record));
  EXPECT_FALSE(parse_xattr_line("/\xff\tuser.x\t00", record));
}

TEST(Xattrs, AnEmptyValueIsAValue) {
  XattrRecord record;
  ASSERT_TRUE(parse_xattr_line("/a\tuser.x\t", record));
  EXPECT_EQ(record.value, "");
}

TEST(Xattrs, RefusesWhatIsNotATable) {
  XattrRecord record;
  for (const char* bad :
       {"", "/a", "/a\tuser.x", "a\tuser.x\t00", "/a\t\t00", "/a\tuser.x\t0", "/a\tuser.x\t0g", "/a\\04\tuser.x\t00",
        "/a\\09x\tuser.x\t00", "/a\\000\tuser.x\t00", "/a\\777\tuser.x\t00", "\tuser.x\t00"}) {
    EXPECT_FALSE(parse_xattr_line(bad, record)) << bad;
  }
}

}  // namespace
}  // namespace guest
