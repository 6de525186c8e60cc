#include "publish/ipxe_script.h"

#include <gtest/gtest.h>

#include <functional>

#include "base/error.h"

namespace kiln::publish {
namespace {

/// The files of the story.
IpxeScript classic() {
  IpxeScript script;
  script.architecture = "arm64";
  script.base_url = "http://10.0.0.1:8000/os";
  script.kernel = {"arm64-bzImage", ""};
  script.initrds = {{"arm64-initrd.img", ""}};
  return script;
}

IpxeScript segments() {
  IpxeScript script;
  script.architecture = "arm64";
  script.kernel = {"http://reg/v2/os/blobs/sha256:1111", "kernel"};
  script.initrds = {{"http://reg/v2/os/blobs/sha256:2222", "s1"}, {"http://reg/v2/os/blobs/sha256:3333", "s2"}};
  script.cmdline = "console=ttyAMA1\n";
  return script;
}

struct ScriptCase {
  const char* name;
  std::function<IpxeScript()> script;
  const char* text;
};

const ScriptCase kScripts[] = {
    {"Classic", classic,
     "#!ipxe\n"
     "dhcp\n"
     "set base-url http://10.0.0.1:8000/os\n"
     "set kernel-params ip=dhcp nomodeset ro serial console=ttyAMA0,115200 earlycon initrd=arm64-initrd.img\n"
     "initrd ${base-url}/arm64-initrd.img\n"
     "kernel ${base-url}/arm64-bzImage ${kernel-params}\n"
     "imgstat\n"
     "boot\n"},
    {"Amd64",
     [] {
       IpxeScript script = classic();
       script.architecture = "amd64";
       script.base_url += "//";
       script.cmdline = "page_poison=1";
       return script;
     },
     "#!ipxe\n"
     "dhcp\n"
     "set base-url http://10.0.0.1:8000/os\n"
     "set kernel-params ip=dhcp nomodeset ro serial console=ttyS0,115200 page_poison=1 initrd=arm64-initrd.img\n"
     "initrd ${base-url}/arm64-initrd.img\n"
     "kernel ${base-url}/arm64-bzImage ${kernel-params}\n"
     "imgstat\n"
     "boot\n"},
    {"Segments", segments,
     "#!ipxe\n"
     "dhcp\n"
     "set kernel-params ip=dhcp nomodeset ro serial console=ttyAMA1 initrd=s1 initrd=s2\n"
     "initrd --name s1 http://reg/v2/os/blobs/sha256:2222\n"
     "initrd --name s2 http://reg/v2/os/blobs/sha256:3333\n"
     "kernel --name kernel http://reg/v2/os/blobs/sha256:1111 ${kernel-params}\n"
     "imgstat\n"
     "boot\n"},
    {"BesideTheScript",
     [] {
       IpxeScript script = segments();
       script.beside_script = true;
       script.kernel.url = "sha256:1111";
       script.initrds = {{"sha256:2222", "s1"}};
       return script;
     },
     "#!ipxe\n"
     "dhcp\n"
     "set base-url ${cwduri}\n"
     "set kernel-params ip=dhcp nomodeset ro serial console=ttyAMA1 initrd=s1\n"
     "initrd --name s1 ${base-url}sha256:2222\n"
     "kernel --name kernel ${base-url}sha256:1111 ${kernel-params}\n"
     "imgstat\n"
     "boot\n"},
    {"EveryLineReplaced",
     [] {
       IpxeScript script = classic();
       script.dhcp = "dhcp net1";
       script.parameters = "quiet";
       script.console = "ttyS2,9600";
       script.first_lines = {"echo hello ${mac}"};
       script.last_lines = {"sleep 3", "imgstat"};
       script.boot = "boot || shell";
       return script;
     },
     "#!ipxe\n"
     "dhcp net1\n"
     "echo hello ${mac}\n"
     "set base-url http://10.0.0.1:8000/os\n"
     "set kernel-params quiet console=ttyS2,9600 initrd=arm64-initrd.img\n"
     "initrd ${base-url}/arm64-initrd.img\n"
     "kernel ${base-url}/arm64-bzImage ${kernel-params}\n"
     "sleep 3\n"
     "imgstat\n"
     "boot || shell\n"},
    {"LeastThereCanBe",
     [] {
       IpxeScript script;
       script.architecture = "riscv64";
       script.kernel = {"tftp://10.0.0.1/kernel", ""};
       script.dhcp = script.parameters = "";
       script.console = "";
       script.last_lines = {};
       return script;
     },
     "#!ipxe\n"
     "kernel tftp://10.0.0.1/kernel\n"
     "boot\n"},
};

class Scripts : public testing::TestWithParam<ScriptCase> {};

TEST_P(Scripts, Text) { EXPECT_EQ(to_text(GetParam().script()), GetParam().text); }

INSTANTIATE_TEST_SUITE_P(All, Scripts, testing::ValuesIn(kScripts), [](const auto& row) { return row.param.name; });

struct RefusedCase {
  const char* name;
  std::function<void(IpxeScript&)> change;
  const char* message;
};

const RefusedCase kRefused[] = {
    {"Architecture", [](IpxeScript& s) { s.architecture = "s390x"; },
     "there is no iPXE for 's390x': expected one of arm64, amd64, 386, riscv64"},
    {"UrlWithSpace", [](IpxeScript& s) { s.base_url = "http://host/a b"; },
     "base URL 'http://host/a b': a URL has no spaces and none of \"<>\\^`{|}"},
    {"UrlWithSetting", [](IpxeScript& s) { s.base_url = "http://${next-server}/"; },
     "base URL 'http://${next-server}/': iPXE would replace what follows \"${\""},
    {"UrlWithNewline", [](IpxeScript& s) { s.base_url = "http://host/\nshell"; },
     "base URL 'http://host/\\x0ashell': a line of an iPXE script has no control characters"},
    {"NoUrl", [](IpxeScript& s) { s.base_url = "host/os"; },
     "base URL 'host/os': expected SCHEME://HOST/…, for example http://10.0.0.1/os"},
    {"KernelFile", [](IpxeScript& s) { s.kernel.url = "a kernel"; },
     "kernel file 'a kernel': expected letters, digits and -._~:@+,=/ only, as it becomes part of a URL"},
    {"InitrdName", [](IpxeScript& s) { s.initrds[0].name = "a&b"; },
     "initrd name 'a&b': expected letters, digits and -._~:@+,=/ only, as it becomes part of a URL"},
    {"CmdlineOfTwoLines", [](IpxeScript& s) { s.cmdline = "a\nb"; },
     "kernel command line 'a\\x0ab': a line of an iPXE script has no control characters"},
    {"CmdlineWithCommand", [](IpxeScript& s) { s.cmdline = "a || shell"; },
     "kernel command line 'a || shell': iPXE would end the command at the word '||'"},
    {"CmdlineWithComment", [](IpxeScript& s) { s.cmdline = "a #b"; },
     "kernel command line 'a #b': iPXE would end the command at the word '#b'"},
    {"CmdlineWithSetting", [](IpxeScript& s) { s.cmdline = "mac=${mac}"; },
     "kernel command line 'mac=${mac}': iPXE would replace what follows \"${\""},
    {"CmdlineWithBackslash", [](IpxeScript& s) { s.cmdline = "a\\"; },
     "kernel command line 'a\\x5c': a backslash at its end would join it to the next line"},
    {"Console", [](IpxeScript& s) { s.console = "ttyS0 && shell"; },
     "console 'console=ttyS0 && shell': iPXE would end the command at the word '&&'"},
    {"VerbatimLine", [](IpxeScript& s) { s.last_lines = {"a\nb"}; },
     "line 'a\\x0ab': a line of an iPXE script has no control characters"},
    {"LongCmdline", [](IpxeScript& s) { s.cmdline = std::string(2000, 'x'); },
     "the kernel's command line would have 2098 bytes; an arm64 kernel takes 2047"},
};

class Refused : public testing::TestWithParam<RefusedCase> {};

TEST_P(Refused, Message) {
  IpxeScript script = classic();
  GetParam().change(script);
  try {
    to_text(script);
    FAIL() << "it was taken";
  } catch (const Error& error) {
    EXPECT_EQ(error.message(), GetParam().message);
  }
}

INSTANTIATE_TEST_SUITE_P(All, Refused, testing::ValuesIn(kRefused), [](const auto& row) { return row.param.name; });

struct LinuxKitCase {
  const char* name;
  LinuxKitScript script;
  const char* text;
};

const LinuxKitCase kLinuxKit[] = {
    {"Aarch64",
     {"arm64", "http://host/dir", "os", "console=ttyAMA0"},
     "#!ipxe\n"
     "\n"
     "dhcp\n"
     "set base-url http://host/dir\n"
     "initrd --name initrd ${base-url}/os-initrd.img\n"
     "set kernel-params ip=dhcp nomodeset ro console=ttyAMA0\n"
     "kernel ${base-url}/os-kernel initrd=initrd root=/dev/ram0 ${kernel-params}\n"
     "boot"},
    {"X86",
     {"amd64", "http://host/dir", "os", "console=tty0"},
     "#!ipxe\n"
     "\n"
     "dhcp\n"
     "set base-url http://host/dir\n"
     "set kernel-params ip=dhcp nomodeset ro serial console=ttyS1,115200 console=tty0\n"
     "kernel ${base-url}/os-kernel ${kernel-params}\n"
     "initrd ${base-url}/os-initrd.img\n"
     "boot"},
    {"X86WithItsConsole",
     {"amd64", "http://host/dir", "os", "console=ttyS1"},
     "#!ipxe\n"
     "\n"
     "dhcp\n"
     "set base-url http://host/dir\n"
     "set kernel-params ip=dhcp nomodeset ro serial  console=ttyS1\n"
     "kernel ${base-url}/os-kernel ${kernel-params}\n"
     "initrd ${base-url}/os-initrd.img\n"
     "boot"},
};

class LinuxKit : public testing::TestWithParam<LinuxKitCase> {};

TEST_P(LinuxKit, ByteForByte) { EXPECT_EQ(to_text(GetParam().script), GetParam().text); }

INSTANTIATE_TEST_SUITE_P(All, LinuxKit, testing::ValuesIn(kLinuxKit), [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace kiln::publish
