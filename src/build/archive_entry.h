#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tree/metadata.h"

namespace kiln::build {

enum class ArchiveKind { cpio, tar };

/// Names an inode in a newc archive: major, minor, ino. Entries with the same identity and nlink > 1 are one file.
/// Each number stays below 2^31: the kernel keeps them in ints (init/initramfs.c, find_link).
using Identity = std::array<std::uint32_t, 3>;

/// One entry as it stands in an archive; views point into the layer's index.
struct ArchiveEntry {
  std::string path;
  tree::Kind kind = tree::Kind::regular;  ///< hard_link: of `link`, in a tar
  tree::Metadata meta;
  std::string link;        ///< symlink target, or path of the hard-linked file (tar)
  std::uint64_t size = 0;  ///< of the content that follows
  Identity identity{};
  std::uint32_t nlink = 1;
  std::string_view user_name, group_name;
  std::vector<tree::Xattr> xattrs;                           ///< a newc archive cannot hold them
  std::vector<std::pair<std::string, std::string>> records;  ///< further pax records, of a tar
};

/// Appends the entry's header, with padding, but without content. Throws Error for what the archive cannot hold.
void append_header(ArchiveKind kind, std::string& out, const ArchiveEntry& entry);

/// NULs between the end of content and the next header.
std::size_t padding_after(ArchiveKind kind, std::uint64_t size);

/// What ends the archive.
std::string_view archive_end(ArchiveKind kind);

}  // namespace kiln::build
