#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/stream.h"

namespace kiln::archive {

/// A header as it will stand in the tar (POSIX.1-2017 pax interchange format; ustar header preceded by an `x` header
/// where something does not fit or extra records are given).
struct TarHeader {
  std::string path;  ///< as is: callers decide on trailing slashes
  char type = '0';   ///< ustar typeflag: '0' file, '1' hard link, '2' symlink, '3' char, '4' block, '5' dir, '6' fifo
  std::uint32_t mode = 0, uid = 0, gid = 0;
  std::uint64_t size = 0;  ///< of the content that follows; 0 unless type is '0'
  std::int64_t mtime = 0;
  std::uint32_t mtime_nsec = 0;
  std::uint32_t rdev_major = 0, rdev_minor = 0;
  std::string link = {};
  std::string user_name = {}, group_name = {};
  /// Further pax records (for xattrs `SCHILY.xattr.NAME`), in any order; written sorted by key.
  std::vector<std::pair<std::string, std::string>> records = {};
};

/// Appends the header block(s) to `out`. As Go's archive/tar writes them (spec layout.md §1): path, linkpath, size,
/// uid, gid, mtime records only when ustar cannot hold the value; `PaxHeaders.0` naming.
void append_tar_header(std::string& out, const TarHeader& header);

inline constexpr std::size_t kTarBlock = 512;
/// NULs that follow content of that size up to the next block.
constexpr std::size_t tar_padding(std::uint64_t size) {
  return static_cast<std::size_t>((kTarBlock - size % kTarBlock) % kTarBlock);
}
/// The two zero blocks at the end.
std::string_view tar_end();

}  // namespace kiln::archive
