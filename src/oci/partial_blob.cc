#include "oci/partial_blob.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <ctime>
#include <vector>

#include "base/error.h"
#include "base/file.h"

namespace kiln::oci {
namespace {

constexpr std::uint64_t kFlushEvery = 8 << 20;
constexpr std::time_t kAbandonedAfter = 14 * 86400;

/// An open file description lock, as LockFile takes: it also keeps out other threads of this process.
bool lock(int fd, int command) {
  struct flock request = {};
  request.l_type = F_WRLCK;
  request.l_whence = SEEK_SET;
  while (::fcntl(fd, command, &request) != 0) {
    if (errno == EINTR) continue;
    if (command == F_OFD_SETLK && (errno == EAGAIN || errno == EACCES)) return false;
    throw SysError{errno, "locking a download"};
  }
  return true;
}

/// Whether the path still leads to the open file: its last holder may have made it a blob meanwhile.
bool is_same_file(int fd, const std::filesystem::path& path) {
  struct stat ours = {};
  struct stat there = {};
  return ::fstat(fd, &ours) == 0 && ::stat(path.c_str(), &there) == 0 && ours.st_dev == there.st_dev &&
         ours.st_ino == there.st_ino;
}

void sync(int fd, const std::filesystem::path& path) {
  if (::fsync(fd) != 0) throw SysError{errno, "syncing ", quote(path.native())};
}

}  // namespace

PartialBlob::PartialBlob(const Store& store, const Descriptor& blob)
    : blob_{blob},
      path_{store.derived_directory("downloads") / blob.digest.hex()},
      target_{store.blob_path(blob.digest)} {
  if (store.has(blob)) {
    complete_ = true;
    return;
  }
  open_locked();
  if (store.has(blob)) {
    complete_ = true;
    drop();
  } else if (size_ > blob.size) {
    drop();
    open_locked();
  }
}

PartialBlob::~PartialBlob() = default;

void PartialBlob::open_locked() {
  for (;;) {
    fd_ = UniqueFd{::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644)};
    if (!fd_) throw SysError{errno, "opening download ", quote(path_.native())};
    lock(fd_.get(), F_OFD_SETLKW);
    if (is_same_file(fd_.get(), path_)) break;
  }
  struct stat status = {};
  if (::fstat(fd_.get(), &status) != 0) throw SysError{errno, "reading ", quote(path_.native())};
  size_ = static_cast<std::uint64_t>(status.st_size);
}

void PartialBlob::drop() {
  ::unlink(path_.c_str());
  fd_.reset();
  size_ = 0;
}

void PartialBlob::replay(Sink* observer) {
  if (::lseek(fd_.get(), 0, SEEK_SET) != 0) throw SysError{errno, "reading ", quote(path_.native())};
  struct Tee final : Sink {
    Tee(Sha256Hasher& hash, Sink* sink) : hasher{hash}, to{sink} {}
    void write(Bytes data) override {
      hasher.update(data);
      if (to != nullptr) to->write(data);
    }
    Sha256Hasher& hasher;
    Sink* to;
  } tee{hasher_, observer};
  FdSource source{fd_.get(), path_.native()};
  size_ = copy(source, tee);
}

void PartialBlob::write(Bytes data) {
  hasher_.update(data);
  FdSink{fd_.get(), path_.native()}.write(data);
  size_ += data.size();
  if (size_ - flushed_ >= kFlushEvery) {
    // As in Store::Writer: begin to write to the disk, so that the sync at the end is short.
    ::sync_file_range(fd_.get(), static_cast<off64_t>(flushed_), static_cast<off64_t>(size_ - flushed_),
                      SYNC_FILE_RANGE_WRITE);
    flushed_ = size_;
  }
}

bool PartialBlob::commit(Digest& got) {
  got = Digest{hasher_.finish()};
  if (got != blob_.digest || size_ != blob_.size) {
    drop();
    return false;
  }
  sync(fd_.get(), path_);
  if (::rename(path_.c_str(), target_.c_str()) != 0) throw SysError{errno, "renaming to ", quote(target_.native())};
  const UniqueFd directory{::open(target_.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!directory) throw SysError{errno, "opening ", quote(target_.parent_path().native())};
  sync(directory.get(), target_.parent_path());
  fd_.reset();
  return true;
}

void remove_abandoned_downloads(const Store& store) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator{store.derived_directory("downloads"), error}) {
    const UniqueFd fd{::open(entry.path().c_str(), O_RDWR | O_CLOEXEC)};
    struct stat status = {};
    if (!fd || ::fstat(fd.get(), &status) != 0 || std::time(nullptr) - status.st_mtime < kAbandonedAfter) continue;
    if (lock(fd.get(), F_OFD_SETLK)) ::unlink(entry.path().c_str());
  }
}

}  // namespace kiln::oci
