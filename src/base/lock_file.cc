#include "base/lock_file.h"

#include <fcntl.h>

#include <cerrno>

#include "base/error.h"

namespace kiln {

namespace {

UniqueFd open_lock(const std::filesystem::path& path) {
  UniqueFd fd{::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644)};
  if (!fd) throw SysError{errno, "opening lock ", quote(path.native())};
  return fd;
}

// An open file description lock (fcntl OFD): unlike flock it excludes the POSIX locks LinuxKit takes on the same
// file, and unlike POSIX locks it also excludes other threads of this process.
struct flock whole_file(LockFile::Mode mode) {
  struct flock lock = {};
  lock.l_type = mode == LockFile::Mode::exclusive ? F_WRLCK : F_RDLCK;
  lock.l_whence = SEEK_SET;
  return lock;
}

}  // namespace

LockFile::LockFile(const std::filesystem::path& path, Mode mode) : fd_{open_lock(path)} {
  struct flock lock = whole_file(mode);
  while (::fcntl(fd_.get(), F_OFD_SETLKW, &lock) != 0) {
    if (errno != EINTR) throw SysError{errno, "locking ", quote(path.native())};
  }
}

std::optional<LockFile> LockFile::try_lock(const std::filesystem::path& path, Mode mode) {
  UniqueFd fd = open_lock(path);
  struct flock lock = whole_file(mode);
  if (::fcntl(fd.get(), F_OFD_SETLK, &lock) == 0) return LockFile{std::move(fd)};
  if (errno != EAGAIN && errno != EACCES) throw SysError{errno, "locking ", quote(path.native())};
  return std::nullopt;
}

}  // namespace kiln
