#include "disk/block_devices.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "disk/swap_area.h"

namespace guest {
namespace {

/// A /sys/block of files.
class SysBlock {
 public:
  SysBlock() {
    std::string pattern = testing::TempDir() + "/sys-block-XXXXXX";
    root_ = ::mkdtemp(pattern.data());
  }
  ~SysBlock() { std::filesystem::remove_all(root_); }
  void add(const std::string& path, const std::string& sectors, bool read_only = false, bool partition = false) {
    std::filesystem::create_directories(root_ + "/" + path);
    std::ofstream{root_ + "/" + path + "/size"} << sectors << "\n";
    std::ofstream{root_ + "/" + path + "/ro"} << (read_only ? "1\n" : "0\n");
    if (partition) std::ofstream{root_ + "/" + path + "/partition"} << "1\n";
  }
  const std::string& root() const { return root_; }

 private:
  std::string root_;
};

std::string names(const std::vector<BlockDevice>& devices) {
  std::string text;
  for (const BlockDevice& device : devices) text += device.name + (device.read_only ? "(ro) " : " ");
  return text;
}

TEST(BlockDevices, ListsDisksInTheOrderTheyWereNamed) {
  SysBlock sys;
  for (const char* name : {"sdaa", "sdb", "sda", "vda", "nvme0n1", "mmcblk0"}) sys.add(name, "2048");
  for (const char* name : {"loop0", "ram0", "zram0", "sr0", "fd0", "nbd0", "dm-0", "md127"}) sys.add(name, "2048");
  sys.add("mmcblk0boot0", "8192", true);
  sys.add("sdc", "0");  // a card reader without a card
  EXPECT_EQ(names(disks(sys.root())), "sda sdb vda sdaa mmcblk0 nvme0n1 mmcblk0boot0(ro) ");
  EXPECT_EQ(disks(sys.root())[0].bytes, 1048576U);
}

TEST(BlockDevices, ListsPartitions) {
  SysBlock sys;
  sys.add("sda", "4096");
  for (const char* name : {"sda/sda10", "sda/sda2", "sda/sda1"}) sys.add(name, "1024", false, true);
  sys.add("sda/queue", "1");
  EXPECT_EQ(names(partitions("sda", sys.root())), "sda1 sda2 sda10 ");
  EXPECT_EQ(names(partitions("sdb", sys.root())), "");
}

TEST(BlockDevices, NamesTheFirstPartition) {
  EXPECT_EQ(first_partition("/dev/sda"), "/dev/sda1");
  EXPECT_EQ(first_partition("/dev/nvme0n1"), "/dev/nvme0n1p1");
  EXPECT_EQ(first_partition("/dev/mmcblk0"), "/dev/mmcblk0p1");
}

TEST(BlockDevices, WaitsNoLongerThanAsked) {
  int looks = 0;
  EXPECT_TRUE(wait_until([&] { return ++looks == 2; }, Milliseconds{5000}));
  EXPECT_FALSE(wait_until([] { return false; }, Milliseconds{0}));
}

TEST(SwapArea, HeaderIsMkswaps) {
  std::string header = swap_header(64 << 20, 4096, "0123456789abcdef");
  ASSERT_EQ(header.size(), 4096U);
  EXPECT_EQ(header.substr(4086), "SWAPSPACE2");
  EXPECT_EQ(header.substr(1036, 16), "0123456789abcdef");
  std::uint32_t version = 0;
  std::uint32_t last = 0;
  header.copy(reinterpret_cast<char*>(&version), 4, 1024);
  header.copy(reinterpret_cast<char*>(&last), 4, 1028);
  EXPECT_EQ(version, 1U);
  EXPECT_EQ(last, (64U << 20) / 4096 - 1);
  EXPECT_EQ(swap_header(10 * 4096 - 1, 4096, ""), "");
}

}  // namespace
}  // namespace guest
