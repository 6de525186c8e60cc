#include "supervise/log_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

namespace guest {

Errno LogFile::open() {
  fd_ = UniqueFd{::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0640)};
  if (!fd_) return Errno::last();
  struct stat status;
  if (::fstat(fd_.get(), &status) != 0) return Errno::last();
  size_ = static_cast<std::size_t>(status.st_size);
  return {};
}

void LogFile::rotate() {
  fd_.reset();
  ::rename(path_.c_str(), (path_ + ".1").c_str());
  open().ignore();  // append() then has nowhere to write, which it says it may drop
}

void LogFile::append(std::string_view data) {
  while (fd_ && !data.empty()) {
    if (size_ >= limit_) rotate();
    std::string_view piece = data.substr(0, limit_ - (size_ < limit_ ? size_ : 0));
    // Break at a line's end where the limit falls into the data, so that no line is torn between the files.
    if (piece.size() < data.size()) {
      std::size_t newline = piece.find_last_of('\n');
      if (newline != std::string_view::npos) {
        piece = piece.substr(0, newline + 1);
      } else if (size_ > 0) {
        rotate();
        continue;
      }
    }
    ssize_t put = ::write(fd_.get(), piece.data(), piece.size());
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return;
    size_ += static_cast<std::size_t>(put);
    data.remove_prefix(static_cast<std::size_t>(put));
    if (!data.empty()) rotate();
  }
}

}  // namespace guest
