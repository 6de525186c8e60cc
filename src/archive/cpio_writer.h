#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace kiln::archive {

/// A newc header (Linux Documentation/driver-api/early-userspace/buffer-format.rst, "cpio entry").
struct CpioHeader {
  std::string_view path;  ///< without leading slash
  std::uint32_t ino = 0;
  std::uint32_t mode = 0;  ///< with the S_IFMT type bits
  std::uint32_t uid = 0, gid = 0;
  std::uint32_t nlink = 1;
  std::uint32_t mtime = 0;
  std::uint32_t size = 0;                      ///< of the content (or symlink target) that follows
  std::uint32_t dev_major = 0, dev_minor = 0;  ///< with ino the identity hard links find each other by
  std::uint32_t rdev_major = 0, rdev_minor = 0;
};

/// Appends header, name and padding to `out`; archive offset must be a multiple of 4 and is again afterwards.
void append_cpio_header(std::string& out, const CpioHeader& header);

/// NULs that follow content of that size up to the next header.
constexpr std::size_t cpio_padding(std::uint64_t size) { return static_cast<std::size_t>((4 - size % 4) % 4); }

/// The `TRAILER!!!` entry. It empties the kernel's hard link table, so only the very last segment has one.
std::string_view cpio_trailer();

}  // namespace kiln::archive
