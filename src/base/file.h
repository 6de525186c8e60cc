#pragma once

#include <filesystem>
#include <string>

#include "base/stream.h"
#include "base/unique_fd.h"

namespace kiln {

/// Opens for reading; throws SysError.
UniqueFd open_file(const std::filesystem::path& path);

/// The whole file as text; throws if it cannot be read or is larger than `limit` bytes.
std::string read_file(const std::filesystem::path& path, std::size_t limit = 64 << 20);

/// Creates the directory and its parents; throws SysError.
void make_directories(const std::filesystem::path& path);

/// A file that appears under its name only when commit() has returned: whole, or not at all. Until then it is a
/// temporary beside it, `.NAME.PID.N.tmp`, removed if commit() is never reached (after a kill: by remove_stale()).
class AtomicFile {
 public:
  enum class Durability {
    process,  ///< survives a crash of the process; for data that can be made again
    power     ///< also synced to the disk before it gets its name; for data that cannot
  };

  explicit AtomicFile(std::filesystem::path path, Durability durability = Durability::process, unsigned mode = 0644);
  ~AtomicFile();
  AtomicFile(AtomicFile&& other) noexcept;
  AtomicFile& operator=(AtomicFile&&) = delete;

  int fd() const { return fd_.get(); }
  Sink& sink() { return sink_; }
  const std::filesystem::path& path() const { return path_; }

  /// Gives the file its name, replacing an older file. Throws if any of it fails; the old file then stays.
  void commit();
  /// The same under another name on the same file system, for content that decides its name (a blob's digest).
  void commit_to(std::filesystem::path path);

  /// Removes the temporaries in `directory` whose process is gone.
  static void remove_stale(const std::filesystem::path& directory);

 private:
  std::filesystem::path path_;
  std::filesystem::path temporary_;
  Durability durability_;
  UniqueFd fd_;
  FdSink sink_;
};

/// AtomicFile in one call.
void write_file(const std::filesystem::path& path, std::string_view text,
                AtomicFile::Durability durability = AtomicFile::Durability::process);

/// Appends `size` bytes of `from` at `offset` to `to` (at its file position) by the cheapest way there is: a clone of
/// the blocks, a copy inside the kernel, or read and write. Throws if `from` ends before that.
void copy_range(int from, std::uint64_t offset, std::uint64_t size, int to, std::string_view name);

/// A directory of its own under `parent` that is removed with all its content at the end.
class TempDir {
 public:
  explicit TempDir(const std::filesystem::path& parent = std::filesystem::temp_directory_path(),
                   std::string_view prefix = "kiln");
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace kiln
