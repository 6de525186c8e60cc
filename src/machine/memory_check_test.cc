#include "machine/memory_check.h"

#include <gtest/gtest.h>

#include "base/child_process.h"
#include "base/error.h"
#include "base/file.h"

namespace kiln::machine {
namespace {

TEST(MemoryCheck, Needed) {
  constexpr std::uint64_t kMiB = 1 << 20;
  EXPECT_EQ(memory_needed(0, 0), 40U);
  EXPECT_EQ(memory_needed(30 * kMiB, 100 * kMiB), 240U);  // the root may take half of the memory
  EXPECT_EQ(memory_needed(100 * kMiB, 100 * kMiB), 240U);
  EXPECT_EQ(memory_needed(1, 1), 41U);
}

TEST(MemoryCheck, UnpacksOnlyWhenInDoubt) {
  const TempDir directory;
  const std::filesystem::path initrd = directory.path() / "os-initrd.img";
  // A newc header that announces 60 MB, and that much: 58 kB when compressed.
  std::string cpio =
      "070701000000010000814000000000000000000000000100000000"
      "03938700"
      "00000000000000000000000000000000"
      "00000002"
      "00000000";
  cpio += std::string{"a\0", 2};
  cpio.resize(cpio.size() + 0x03938700);
  write_file(initrd, run_checked({.arguments = {"gzip", "-c"}, .environment = {}, .directory = {}, .input = cpio}));
  SilentReporter reporter;
  const std::uint64_t compressed = std::filesystem::file_size(initrd);
  ASSERT_LT(compressed * 20, std::uint64_t{4} << 20);
  check_memory(initrd, 160, reporter);
  check_memory(initrd, 64, reporter);  // nothing compresses that well; this is the price of not always looking

  write_file(initrd, cpio);
  check_memory(initrd, 155, reporter);
  try {
    check_memory(initrd, 154, reporter);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.message(),
              concat("initramfs ", quote(initrd.native()),
                     " has 60.0 MB, unpacked 60.0 MB, and needs 155 MiB of memory; the machine has 154"));
    EXPECT_EQ(error.hint(), "give it more: --mem 192M");
  }
  write_file(initrd, std::string(40 << 20, 'x'));
  check_memory(initrd, 64, reporter);  // of no form we read: the kernel will say
}

}  // namespace
}  // namespace kiln::machine
