#include "base/file.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>

#include <atomic>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "base/error.h"

namespace kiln {
namespace {

namespace fs = std::filesystem;

fs::path temporary_name(const fs::path& path) {
  static std::atomic<unsigned> counter{0};
  return path.parent_path() / concat(".", path.filename().native(), ".", ::getpid(), ".", ++counter, ".tmp");
}

/// The PID in `.NAME.PID.N.tmp`, or 0 for other names.
int process_of_temporary(std::string_view name) {
  if (!name.starts_with('.') || !name.ends_with(".tmp")) return 0;
  name.remove_suffix(4);
  const std::size_t counter = name.rfind('.');
  if (counter == std::string_view::npos || counter == 0) return 0;
  const std::size_t pid = name.rfind('.', counter - 1);
  if (pid == std::string_view::npos) return 0;
  int value = 0;
  const char* end = name.data() + counter;
  return std::from_chars(name.data() + pid + 1, end, value).ptr == end ? value : 0;
}

void sync_directory(const fs::path& directory) {
  UniqueFd fd{::open(directory.empty() ? "." : directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!fd || ::fsync(fd.get()) != 0) throw SysError{errno, "syncing directory ", quote(directory.native())};
}

}  // namespace

UniqueFd open_file(const fs::path& path) {
  UniqueFd fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!fd) throw SysError{errno, "opening ", quote(path.native())};
  return fd;
}

std::string read_file(const fs::path& path, std::size_t limit) {
  UniqueFd fd = open_file(path);
  FdSource source{fd.get(), path.native()};
  return read_text(source, limit, path.native());
}

void make_directories(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) throw SysError{error.value(), "creating directory ", quote(path.native())};
}

AtomicFile::AtomicFile(fs::path path, Durability durability, unsigned mode)
    : path_{std::move(path)},
      temporary_{temporary_name(path_)},
      durability_{durability},
      fd_{::open(temporary_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode)},
      sink_{fd_.get(), path_.native()} {
  if (!fd_) throw SysError{errno, "creating ", quote(path_.native())};
}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : path_{std::move(other.path_)},
      temporary_{std::exchange(other.temporary_, {})},
      durability_{other.durability_},
      fd_{std::move(other.fd_)},
      sink_{std::move(other.sink_)} {}

AtomicFile::~AtomicFile() {
  if (!temporary_.empty() && fd_) ::unlink(temporary_.c_str());
}

namespace {

/// Over an older file some file systems (ext4, "auto_da_alloc") first write the new one's data to the disk, a second
/// for a few hundred megabytes. They do not when the two change names; the old one is then removed.
bool change_names(const fs::path& temporary, const fs::path& path) {
  if (::renameat2(AT_FDCWD, temporary.c_str(), AT_FDCWD, path.c_str(), RENAME_EXCHANGE) != 0) return false;
  ::unlink(temporary.c_str());
  return true;
}

}  // namespace

void AtomicFile::commit() {
  if (durability_ == Durability::power && ::fsync(fd_.get()) != 0) {
    throw SysError{errno, "syncing ", quote(path_.native())};
  }
  std::error_code ignored;
  const bool done = durability_ == Durability::process && fs::is_regular_file(fs::symlink_status(path_, ignored)) &&
                    change_names(temporary_, path_);
  if (!done && ::rename(temporary_.c_str(), path_.c_str()) != 0) {
    throw SysError{errno, "renaming to ", quote(path_.native())};
  }
  temporary_.clear();
  fd_.reset();
  if (durability_ == Durability::power) sync_directory(path_.parent_path());
}

void AtomicFile::commit_to(fs::path path) {
  path_ = std::move(path);
  commit();
}

void AtomicFile::remove_stale(const fs::path& directory) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator{directory, error}) {
    const int pid = process_of_temporary(entry.path().filename().native());
    if (pid > 0 && pid != ::getpid() && ::kill(pid, 0) != 0 && errno == ESRCH) ::unlink(entry.path().c_str());
  }
}

void write_file(const fs::path& path, std::string_view text, AtomicFile::Durability durability) {
  AtomicFile file{path, durability};
  file.sink().write(as_bytes(text));
  file.commit();
}

void copy_range(int from, std::uint64_t offset, std::uint64_t size, int to, std::string_view name) {
  auto position = static_cast<off_t>(offset);
  while (size > 0) {
    const ssize_t copied = ::copy_file_range(from, &position, to, nullptr, size, 0);
    if (copied < 0 && errno == EINTR) continue;
    if (copied <= 0) break;  // another file system, a pipe, or the end: the loop below tells which
    size -= static_cast<std::uint64_t>(copied);
  }
  std::vector<std::byte> buffer(size > 0 ? 256 * 1024 : 0);
  FdSink sink{to, std::string{name}};
  while (size > 0) {
    const ssize_t got = ::pread(from, buffer.data(), std::min<std::uint64_t>(buffer.size(), size), position);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw SysError{errno, "reading ", quote(name)};
    if (got == 0) throw Error{"reading ", quote(name), ": it ends ", size, " bytes early"};
    sink.write(Bytes{buffer}.first(static_cast<std::size_t>(got)));
    position += got;
    size -= static_cast<std::uint64_t>(got);
  }
}

TempDir::TempDir(const fs::path& parent, std::string_view prefix) {
  std::string name = (parent / concat(prefix, "-XXXXXX")).native();
  if (::mkdtemp(name.data()) == nullptr) throw SysError{errno, "creating a directory in ", quote(parent.native())};
  path_ = name;
}

TempDir::~TempDir() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

}  // namespace kiln
