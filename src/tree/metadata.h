#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::tree {

enum class Kind : std::uint8_t { directory, regular, symlink, hard_link, char_device, block_device, fifo };

/// What inode(7) calls the attributes of a file, less those that follow from its content.
struct Metadata {
  std::uint32_t mode = 0;  ///< permission bits and setuid, setgid, sticky: 07777
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::int64_t mtime = 0;  ///< seconds since the epoch
  std::uint32_t mtime_nsec = 0;
  std::uint32_t rdev_major = 0, rdev_minor = 0;  ///< devices only

  bool operator==(const Metadata&) const = default;
};

struct Xattr {
  std::string_view name;   ///< "security.capability"
  std::string_view value;  ///< bytes
  bool operator==(const Xattr&) const = default;
};

/// A stretch of file content in the uncompressed tar: holes of sparse files lie between extents and read as zeros.
struct Extent {
  std::uint64_t file_offset = 0;
  std::uint64_t tar_offset = 0;
  std::uint64_t size = 0;
};

}  // namespace kiln::tree
