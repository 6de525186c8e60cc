#include <gtest/gtest.h>

#include "applets/getty_command.h"
#include "applets/sysctl_line.h"
#include "base/process.h"

namespace guest {
namespace {

TEST(SysctlLine, Reads) {
  struct Case {
    const char* line;
    const char* path;
    const char* value;
    bool optional;
  };
  constexpr Case kCases[] = {
      {"net.ipv4.ip_forward = 1", "net/ipv4/ip_forward", "1", false},
      {"  -kernel.x=a b  ", "kernel/x", "a b", true},
      {"net.ipv4.conf.eth0/100.forwarding=1", "net/ipv4/conf/eth0.100/forwarding", "1", false},
      {"net/ipv4/conf/eth0.100/forwarding = 1", "net/ipv4/conf/eth0.100/forwarding", "1", false},
      {"# comment", "", "", false},
      {"", "", "", false},
      {"kernel.x =", "kernel/x", "", false},
  };
  for (const Case& row : kCases) {
    SysctlSetting setting;
    EXPECT_EQ(parse_sysctl_line(row.line, "/proc/sys", setting), "") << row.line;
    EXPECT_EQ(setting.path, row.path) << row.line;
    EXPECT_EQ(setting.value, row.value) << row.line;
    EXPECT_EQ(setting.optional, row.optional) << row.line;
  }
}

TEST(SysctlLine, SaysWhatIsWrong) {
  SysctlSetting setting;
  EXPECT_EQ(parse_sysctl_line("nonsense", "/proc/sys", setting), "expected KEY = VALUE, got 'nonsense'");
  EXPECT_EQ(parse_sysctl_line("= 1", "/proc/sys", setting), "expected a key before '='");
  EXPECT_EQ(parse_sysctl_line("/etc/passwd = 1", "/proc/sys", setting), "'/etc/passwd' is not a name below /proc/sys");
  EXPECT_EQ(parse_sysctl_line("net/../../x = 1", "/proc/sys", setting), "'net/../../x' is not a name below /proc/sys");
}

TEST(GettyCommand, ByKindOfConsole) {
  using Arguments = std::vector<std::string>;
  EXPECT_EQ(getty_command({"ttyAMA0", ""}, false).arguments, (Arguments{"-L", "115200", "ttyAMA0", "vt100"}));
  EXPECT_EQ(getty_command({"ttyS0", "9600n8"}, true).arguments,
            (Arguments{"-a", "root", "-L", "9600", "ttyS0", "vt100"}));
  EXPECT_EQ(getty_command({"tty0", ""}, false).arguments, (Arguments{"38400", "tty0"}));
  EXPECT_EQ(getty_command({"hvc0", ""}, false).arguments, (Arguments{"115200", "hvc0", "linux"}));
}

TEST(Signals, NamesAndNumbers) {
  EXPECT_EQ(parse_signal("SIGTERM"), 15);
  EXPECT_EQ(parse_signal("QUIT"), 3);
  EXPECT_EQ(parse_signal("9"), 9);
  EXPECT_EQ(parse_signal("nope"), 0);
  EXPECT_EQ(describe_exit(9), "killed by SIGKILL");
  EXPECT_EQ(describe_exit(3 << 8), "exited with status 3");
}

}  // namespace
}  // namespace guest
