#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/stream.h"
#include "package/elf.h"

namespace kiln::package {

/// A file of a Debian package.
struct DebEntry {
  enum class Kind { regular, hard_link, symlink, directory };
  std::string path;  ///< absolute and canonical, see canonical_path()
  Kind kind = Kind::regular;
  std::uint32_t mode = 0, uid = 0, gid = 0;
  std::int64_t mtime = 0;
  std::uint64_t size = 0;
  std::string link;                   ///< symlink: the target as it is; hard link: the target's path, as `path`
  std::optional<ElfLinkage> linkage;  ///< regular ELF files, in list()
};

/// The path with a leading slash, without "." and empty components, and with /bin, /sbin, /lib and /lib64 … replaced by
/// those in /usr, where Debian has them since its directories are merged. Throws Error if it has "..".
std::string canonical_path(std::string_view path);

/// A .deb file (deb(5)): an ar archive that holds data.tar, compressed by xz, gzip, zstd or not. It is read as a
/// stream, from the beginning each time; nothing is ever unpacked. Throws Error when it is damaged, or holds what no
/// package may (devices, paths with "..").
class DebFile {
 public:
  explicit DebFile(std::filesystem::path path) : path_{std::move(path)} {}

  /// All entries in the order of the archive.
  std::vector<DebEntry> list() const;

  /// Calls `take` with the content of every regular file for which `want` is true, in the order of the archive.
  void read(const std::function<bool(const DebEntry&)>& want,
            const std::function<void(const DebEntry&, Source&)>& take) const;

 private:
  std::filesystem::path path_;
};

/// DebFile over bytes in memory, for tests and fuzzing; `name` is what errors call it.
std::vector<DebEntry> list_deb(Bytes deb, const std::string& name);

}  // namespace kiln::package
