#include "supervise/output.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "base/text.h"

namespace guest {
namespace {
constexpr std::size_t kMaxLine = 1024;
constexpr std::size_t kMaxTail = 400;
}  // namespace

Errno Output::open(UniqueFd& write_end) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return Errno::last();
  read_end_ = UniqueFd{ends[0]};
  write_end = UniqueFd{ends[1]};
  // Only our end: a program may not expect its standard output to be non-blocking.
  ::fcntl(read_end_.get(), F_SETFL, O_NONBLOCK);
  partial_.clear();
  tail_.clear();
  return file_.open();
}

int Output::read_some() {
  static char chunk[16384];  // one thread, and PID 1 stays small
  if (!read_end_) return -1;
  ssize_t got = ::read(read_end_.get(), chunk, sizeof chunk);
  if (got < 0) return errno == EAGAIN || errno == EINTR ? 0 : -1;
  if (got == 0) return -1;
  std::string_view data{chunk, static_cast<std::size_t>(got)};
  file_.append(data);
  tail_.append(data.substr(data.size() - std::min(data.size(), kMaxTail)));
  if (tail_.size() > kMaxTail) tail_.erase(0, tail_.size() - kMaxTail);
  if (echo_ != nullptr) show(data);
  return 1;
}

bool Output::copy() {
  int result = 1;
  for (int reads = 0; reads < 4 && result > 0; ++reads) result = read_some();
  if (result >= 0) return true;
  drain();
  close();
  return false;
}

void Output::drain() {
  // Bounded: another process may still be writing.
  for (int reads = 0; reads < 64 && read_some() > 0; ++reads) {
  }
  if (echo_ != nullptr && !partial_.empty()) {
    echo_->line(partial_);
    partial_.clear();
  }
}

void Output::show(std::string_view data) {
  while (!data.empty()) {
    std::size_t newline = data.find('\n');
    partial_.append(data.substr(0, newline));
    data.remove_prefix(newline == std::string_view::npos ? data.size() : newline + 1);
    while (partial_.size() > kMaxLine) {
      echo_->line(std::string_view{partial_}.substr(0, kMaxLine));
      partial_.erase(0, kMaxLine);
    }
    if (newline == std::string_view::npos) return;
    if (!partial_.empty() && partial_.back() == '\r') partial_.pop_back();
    echo_->line(partial_);
    partial_.clear();
  }
}

std::string Output::tail() const {
  std::string_view text = trim(tail_);
  std::size_t newline = text.find_last_of('\n');
  if (newline != std::string_view::npos) text.remove_prefix(newline + 1);
  return printable(trim(text));
}

}  // namespace guest
