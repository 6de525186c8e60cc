#include "disk/block_devices.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>

#include <algorithm>
#include <cctype>
#include <string_view>

#include "base/file.h"
#include "base/text.h"

namespace guest {
namespace {

constexpr std::string_view kNoDisks[] = {"loop", "ram", "zram", "sr", "fd", "nbd", "dm-", "md", "mtdblock"};

bool is_disk_name(std::string_view name) {
  return std::none_of(std::begin(kNoDisks), std::end(kNoDisks),
                      [&](std::string_view prefix) { return name.substr(0, prefix.size()) == prefix; });
}

/// sda, sdb, sdaa: shorter names were given first.
bool before(const BlockDevice& a, const BlockDevice& b) {
  return a.name.size() != b.name.size() ? a.name.size() < b.name.size() : a.name < b.name;
}

BlockDevice describe(const std::string& name, const std::string& directory) {
  auto sectors = parse_decimal(read_value(directory + "/size"));  // of 512 bytes, whatever the disk's are
  return {name, sectors.value_or(0) * 512, read_value(directory + "/ro") == "1"};
}

/// Whether `text`'s line has `number` as its third word, or `path` as a word after " - ".
bool is_mounted(std::string_view mountinfo, const std::string& number, const std::string& path) {
  std::string_view line;
  while (take_line(mountinfo, line)) {
    std::vector<std::string_view> fields = words(line);
    if (fields.size() > 2 && fields[2] == number) return true;
    // btrfs has numbers of its own; then the source tells (proc(5), "mountinfo").
    auto dash = std::find(fields.begin(), fields.end(), "-");
    if (fields.end() - dash > 2 && dash[2] == path) return true;
  }
  return false;
}

}  // namespace

std::vector<BlockDevice> disks(const std::string& sys_block) {
  std::vector<BlockDevice> found;
  for (const std::string& name : list_directory(sys_block)) {
    if (!is_disk_name(name)) continue;
    BlockDevice disk = describe(name, sys_block + "/" + name);
    if (disk.bytes > 0) found.push_back(disk);
  }
  std::sort(found.begin(), found.end(), before);
  return found;
}

std::vector<BlockDevice> partitions(const std::string& disk, const std::string& sys_block) {
  std::vector<BlockDevice> found;
  std::string directory = sys_block + "/" + disk;
  for (const std::string& name : list_directory(directory)) {
    std::string below = directory;
    below.append("/").append(name);
    if (exists(below + "/partition")) found.push_back(describe(name, below));
  }
  std::sort(found.begin(), found.end(), before);
  return found;
}

std::string first_partition(const std::string& path) {
  bool digit = !path.empty() && std::isdigit(static_cast<unsigned char>(path.back())) != 0;
  return path + (digit ? "p1" : "1");
}

std::string device_number(const std::string& path) {
  struct stat status;
  if (::stat(path.c_str(), &status) != 0 || !S_ISBLK(status.st_mode)) return {};
  return format("%u:%u", major(status.st_rdev), minor(status.st_rdev));
}

bool in_use(const std::string& path) {
  std::string mounts;
  if (read_file("/proc/self/mountinfo", mounts).failed()) return false;
  if (is_mounted(mounts, device_number(path), path)) return true;
  std::string swaps;
  if (read_file("/proc/swaps", swaps).failed()) return false;
  std::string_view rest = swaps;
  std::string_view line;
  while (take_line(rest, line)) {
    if (take_word(line) == path) return true;
  }
  return false;
}

void short_pause() {
  timespec pause{0, 100'000'000};
  ::nanosleep(&pause, nullptr);
}

}  // namespace guest
