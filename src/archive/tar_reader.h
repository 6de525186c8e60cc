#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/stream.h"

namespace kiln::archive {

/// A stretch of a file's content in the tar; between extents a sparse file has holes, which read as zeros.
struct TarExtent {
  std::uint64_t file_offset = 0;
  std::uint64_t tar_offset = 0;  ///< from the first byte of the tar
  std::uint64_t size = 0;
  bool operator==(const TarExtent&) const = default;
};

/// One entry with everything that extended headers say about it already applied.
struct TarEntry {
  std::uint64_t offset = 0;  ///< of its first header block, extended headers included
  char type =
      '0';  ///< '0' file ('7' and the old NUL too), '1' hard link, '2' symlink, '3' char, '4' block, '5' dir, '6' fifo
  std::string path;  ///< as it stands in the tar: uncleaned, any bytes but NUL
  std::string link;
  std::uint32_t mode = 0, uid = 0, gid = 0;  ///< mode: 07777
  std::int64_t mtime = 0;
  std::uint32_t mtime_nsec = 0;
  std::uint32_t rdev_major = 0, rdev_minor = 0;
  std::string user_name, group_name;
  std::uint64_t size = 0;                                   ///< of a file's content, holes included
  std::vector<TarExtent> extents;                           ///< ascending, none empty, none beyond size
  std::vector<std::pair<std::string, std::string>> xattrs;  ///< sorted by name
  /// The pax records that none of the fields above has (atime, ctime, comments, records private to some tool), sorted.
  std::vector<std::pair<std::string, std::string>> records;
};

/// Reads a tar as a stream: v7, ustar, GNU and pax (POSIX.1-2017) entries, in any mixture; sparse files in all four
/// formats of GNU tar. What other readers differ on is decided as Go's archive/tar does, as that is what most OCI tools
/// use, except that global pax headers apply to the entries after them. A tar may end without its two zero blocks, and
/// what follows them is read to the end of the source and ignored.
///
/// Errors name the byte position of the header: "tar header at byte 1024: checksum is 0123, expected 4567".
/// Those of the source pass through as they are.
class TarReader {
 public:
  explicit TarReader(Source& from);  ///< `from` must outlive it and may return as few bytes at a time as it likes
  ~TarReader();

  /// The next entry, valid until the next call; nullptr at the end. Content that was not read is skipped.
  const TarEntry* next();

  /// The next piece of the current file's stored content: the extents' bytes in order, without holes. Empty when all
  /// was read. Valid until the next call of any function.
  Bytes read();

  std::uint64_t position() const;  ///< bytes of the tar consumed so far; after the end: its size

 private:
  class Parser;
  std::unique_ptr<Parser> parser_;
};

}  // namespace kiln::archive
