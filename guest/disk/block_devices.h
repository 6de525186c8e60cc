#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"

namespace guest {

/// A disk or a partition as the kernel lists it.
struct BlockDevice {
  std::string name;  ///< "vda1"
  std::uint64_t bytes = 0;
  bool read_only = false;

  std::string path() const { return "/dev/" + name; }
};

/// The disks of the machine in the order of their names (sda before sdb before sdaa), and none of what only looks like
/// one: loop devices, RAM disks, discs, floppies, mappings.
std::vector<BlockDevice> disks(const std::string& sys_block = "/sys/block");

/// The partitions of a disk, in order.
std::vector<BlockDevice> partitions(const std::string& disk, const std::string& sys_block = "/sys/block");

/// The node of the first partition of the disk at `path`: /dev/sda1, /dev/nvme0n1p1.
std::string first_partition(const std::string& path);

/// "253:1" for a device's node; empty if there is none.
std::string device_number(const std::string& path);

/// Whether the device is mounted somewhere in this mount namespace, or used for swapping.
bool in_use(const std::string& path);

/// Drivers look for disks while the boot goes on: asks `found` now and then for a while, until it is true.
template <typename Found>
bool wait_until(Found found, Milliseconds patience);

/// Sleeps between two looks.
void short_pause();

template <typename Found>
bool wait_until(Found found, Milliseconds patience) {
  for (Microseconds deadline = since_boot() + patience; !found(); short_pause()) {
    if (since_boot() >= deadline) return false;
  }
  return true;
}

/// How long a disk may take to appear.
inline constexpr Milliseconds kDiskPatience{10'000};

}  // namespace guest
