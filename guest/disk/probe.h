#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/errno.h"

namespace guest {

/// What the beginning of a block device says it holds.
struct Content {
  /// "ext4" (also for ext2 and ext3, which that driver mounts), "xfs", "btrfs", "vfat", "iso9660", "squashfs", "erofs",
  /// "f2fs", "swap", "crypto_LUKS", "LVM2_member", "linux_raid_member", "bcache", "zfs_member"; or "gpt", "dos" for a
  /// partition table; empty if it is none of these.
  std::string type;
  std::string label;
  std::string uuid;  ///< as blkid(8) writes it
  /// Nothing that is known, and as even as encrypted data is: a disk of plain dm-crypt says no more of itself.
  bool random = false;

  bool is_partition_table() const { return type == "gpt" || type == "dos"; }
  /// Something Linux keeps its files on.
  bool is_linux_file_system() const { return type == "ext4" || type == "xfs" || type == "btrfs" || type == "f2fs"; }
};

/// How much of the beginning probe_content() wants to see: up to the uberblocks of ZFS.
inline constexpr std::size_t kProbeBytes = std::size_t{256} << 10;

/// Recognises content by its magic numbers. A file system comes before a partition table, which a boot sector of FAT
/// can look like. `start` may be shorter than kProbeBytes.
Content probe_content(std::string_view start);

/// Reads the beginning of `device` and probes it.
Errno probe_device(const std::string& device, Content& content);

}  // namespace guest
