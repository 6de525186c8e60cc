#include "netboot/tftp/file_name.h"

#include <gtest/gtest.h>

namespace kiln::tftp {
namespace {

TEST(TftpName, IsCleaned) {
  EXPECT_EQ(clean_name("ipxe.efi"), "ipxe.efi");
  EXPECT_EQ(clean_name("/ipxe.efi"), "ipxe.efi");
  EXPECT_EQ(clean_name("\\Boot\\BCD"), "Boot/BCD");
  EXPECT_EQ(clean_name("./a//b/./c/"), "a/b/c");
  EXPECT_EQ(clean_name("..."), "...");
  EXPECT_EQ(clean_name("a..b/..c"), "a..b/..c");
}

TEST(TftpName, MustNotLeadOut) {
  for (const char* name : {"", "/", ".", "..", "../a", "a/../b", "a\\..\\..\\b", "/..", "a/..", "a\nb", "a\x7F"}) {
    EXPECT_EQ(clean_name(name), std::nullopt) << name;
  }
}

}  // namespace
}  // namespace kiln::tftp
