#include "boot/cmdline.h"

#include <gtest/gtest.h>

namespace guest {
namespace {

TEST(Cmdline, SplitsAsTheKernelDoes) {
  Cmdline cmdline{"quiet  a=\"b c\" \"d e=f\" init=/x\n"};
  EXPECT_EQ(cmdline.tokens(), (std::vector<std::string>{"quiet", "a=b c", "d e=f", "init=/x"}));
}

TEST(Cmdline, TokensMatchExactly) {
  Cmdline cmdline{"linuxkit.unified_cgroup_hierarchy=01 x"};
  EXPECT_FALSE(cmdline.has("linuxkit.unified_cgroup_hierarchy=0"));
  EXPECT_TRUE(cmdline.has("x"));
}

TEST(Cmdline, ConsolesOnceEachInOrder) {
  Cmdline cmdline{"console=tty0 console=ttyAMA0,115200n8 console=tty0,9600 xconsole=no console= console=../etc/passwd"};
  EXPECT_EQ(cmdline.consoles(), (std::vector<ConsoleToken>{{"tty0", ""}, {"ttyAMA0", "115200n8"}}));
}

}  // namespace
}  // namespace guest
