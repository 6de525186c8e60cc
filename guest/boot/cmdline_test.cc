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

TEST(Cmdline, ConsolesInUse) {
  using Tokens = std::vector<ConsoleToken>;
  auto exists = [](const std::string& device) {
    return device == "ttyAMA0" || device == "ttyS0" || device == "ttyS1" || device == "tty0";
  };
  struct Case {
    const char* cmdline;
    const char* active;
    Tokens expected;
  };
  const Case kCases[] = {
      {"console=ttyAMA0,115200 earlycon", "ttyAMA0", {{"ttyAMA0", "115200"}}},
      {"console=tty0 console=ttyS1,9600n8 console=ttyS0",
       "ttyS0 ttyS1 tty0",
       {{"tty0", ""}, {"ttyS1", "9600n8"}, {"ttyS0", ""}}},
      // A name that is no device here says nothing; what the kernel took instead does.
      {"console=ttyS7", "ttyAMA0", {{"ttyAMA0", ""}}},
      {"console=ttyS7 console=ttyS0", "ttyAMA0 ttyS0", {{"ttyS0", ""}}},
      {"quiet earlycon", "tty0 ttyAMA0\n", {{"tty0", ""}, {"ttyAMA0", ""}}},
      {"quiet", "hvc9", {}},
      {"quiet", "", {}},
  };
  for (const Case& row : kCases)
    EXPECT_EQ(consoles_in_use(Cmdline{row.cmdline}, row.active, exists), row.expected) << row.cmdline;
}

}  // namespace
}  // namespace guest
