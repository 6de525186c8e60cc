#include "base/lock_file.h"

#include <fcntl.h>

#include <cerrno>

#include "base/error.h"

namespace kiln {

// An open file description lock (fcntl OFD): unlike flock it excludes the POSIX locks LinuxKit takes on the same
// file, and unlike POSIX locks it also excludes other threads of this process.
LockFile::LockFile(const std::filesystem::path& path, Mode mode)
    : fd_{::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644)} {
  if (!fd_) throw SysError{errno, "opening lock ", quote(path.native())};
  struct flock lock = {};
  lock.l_type = mode == Mode::exclusive ? F_WRLCK : F_RDLCK;
  lock.l_whence = SEEK_SET;
  while (::fcntl(fd_.get(), F_OFD_SETLKW, &lock) != 0) {
    if (errno != EINTR) throw SysError{errno, "locking ", quote(path.native())};
  }
}

}  // namespace kiln
