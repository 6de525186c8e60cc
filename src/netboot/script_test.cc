#include "netboot/script.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace kiln::netboot {
namespace {

BootImage image() {
  BootImage image;
  image.id = "0123456789abcdef";
  image.architecture = "arm64";
  image.cmdline = "console=ttyAMA0 quiet\n";
  image.kernel = {"kernel", nullptr, 30 << 20};
  image.initramfs = {{"aaaa", nullptr, 8 << 20}, {"bbbb", nullptr, 4 << 20}};
  image.initramfs_size = 12 << 20;
  image.root_size = 40 << 20;
  return image;
}

TEST(Script, BesideIpxeItselfAlwaysAsksForAnAddress) {
  EXPECT_EQ(autoexec_script("http://192.0.2.1:8080"),
            "#!ipxe\ndhcp\nchain --autofree --replace http://192.0.2.1:8080/boot.ipxe\n");
}

TEST(Script, OfAMachineHasALineForEachSegment) {
  const BootImage os = image();
  MachineScript script{os, "http://192.0.2.1:8080", MacAddress::parse("52:54:00:12:34:56"), "Kiln: web", {"rack=7"},
                       {}};
  EXPECT_EQ(machine_script(script),
            "#!ipxe\n"
            "echo Kiln: web\n"
            "set base-url http://192.0.2.1:8080/os/0123456789abcdef@52-54-00-12-34-56\n"
            "set kernel-params ip=dhcp nomodeset ro serial console=ttyAMA0 quiet rack=7 "
            "kiln.report=http://192.0.2.1:8080/report/52-54-00-12-34-56 initrd=s1 initrd=s2\n"
            "initrd --name s1 ${base-url}/aaaa\n"
            "initrd --name s2 ${base-url}/bbbb\n"
            "kernel --name kernel ${base-url}/kernel ${kernel-params}\n"
            "imgstat\n"
            "boot\n");
}

TEST(Script, OfAMachineWithoutAName) {
  const BootImage os = image();
  MachineScript script{os, "http://192.0.2.1", std::nullopt, "", {}, "ttyS1,115200", false};
  EXPECT_EQ(
      machine_script(script),
      "#!ipxe\n"
      "set base-url http://192.0.2.1/os/0123456789abcdef\n"
      "set kernel-params ip=dhcp nomodeset ro serial console=ttyS1,115200 console=ttyAMA0 quiet initrd=s1 initrd=s2\n"
      "initrd --name s1 ${base-url}/aaaa\n"
      "initrd --name s2 ${base-url}/bbbb\n"
      "kernel --name kernel ${base-url}/kernel ${kernel-params}\n"
      "imgstat\n"
      "boot\n");
}

TEST(Script, RefusesWhatIpxeWouldActOn) {
  const BootImage os = image();
  MachineScript script{os, "http://192.0.2.1", std::nullopt, "", {"a=${mac}"}, {}, false};
  try {
    machine_script(script);
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(error.message().find("iPXE would replace what follows"), std::string::npos) << error.message();
  }
  EXPECT_THROW(first_script("http://x/\n#"), Error);  // a Host header may say anything
  EXPECT_THROW(first_script("http://x && shell"), Error);
}

TEST(Script, TextFromOutsideIsOnlyText) {
  EXPECT_EQ(script_text("a ${net0/mac} && b || c; #d \\ é\n"), "a ??net0/mac? ?? b ?? c, ?d ? ??");
  EXPECT_EQ(refusal_script("no system for it: a word that is long enough to make this text wrap at its end of line"),
            "#!ipxe\n"
            "echo no system for it: a word that is long enough to make this text wrap at its\n"
            "echo end of line\n"
            "prompt --key s --timeout 30000 Press s for a shell && shell ||\n"
            "exit 1\n");
}

struct MemoryCase {
  const char* name;
  const char* memsize;
  std::vector<std::string_view> ranges;
  std::uint64_t mebibytes;
};
const MemoryCase kMemory[] = {
    {"Bios", "2048", {}, 2048},
    {"UefiTellsNoSize", "0", {"00001000ffff1700", ""}, 512},  // 1 GiB up, as QEMU's arm64 machines
    {"TwoRanges", "", {"00000000ffff1f00", "00004000ffff5f00"}, 4096},
    {"Nothing", "", {"", ""}, 0},
    {"BeyondFourTebibytes", "", {"ffffffffffffffff"}, 0},
    {"NotHex", "x", {"zzzzzzzzzzzzzzzz"}, 0},
    {"Backwards", "", {"ffff1f0000000000"}, 0},
    {"TooLong", "99999999999999999999", {"00000000ffff1f0000"}, 0},
};
TEST(Script, MemoryOfAMachine) {
  for (const MemoryCase& row : kMemory) EXPECT_EQ(memory_of(row.memsize, row.ranges) >> 20, row.mebibytes) << row.name;
}

TEST(BootImage, MemoryIsCheckedBeforehand) {
  const BootImage os = image();
  EXPECT_EQ(check_memory(os, 0), "");
  EXPECT_EQ(check_memory(os, 256 << 20), "");
  EXPECT_EQ(
      check_memory(os, 128 << 20),
      "the machine has 128 MiB of memory, but this system needs 130 MiB: kernel 30 MiB, initramfs 12 MiB, unpacked "
      "40 MiB, and 48 MiB to run; take things out of it, or give the machine more memory");
  BootImage large = os;
  large.root_size = 300 << 20;
  EXPECT_EQ(check_memory(large, 512 << 20),
            "the root tree of this system has 300 MiB, and must fit into half of the machine's 512 MiB of memory; take "
            "things out of it, or give the machine at least 600 MiB");
}

}  // namespace
}  // namespace kiln::netboot
