#include "boot/console.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "base/text.h"

namespace guest {
namespace {
constexpr std::size_t kMaxWaiting = 64 << 10;
}

void Console::open() {
  UniqueFd fd{::open("/dev/console", O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC)};
  if (fd) fd_ = std::move(fd);
}

void Console::line(std::string_view text) {
  if (waiting_.size() + text.size() > kMaxWaiting) {
    ++dropped_;
    return;
  }
  if (dropped_ > 0) waiting_ += format("kiln: %zu lines lost: the console was not read\r\n", dropped_);
  dropped_ = 0;
  waiting_ += text;
  waiting_ += '\n';
  flush();
}

void Console::flush() {
  while (!waiting_.empty()) {
    ssize_t put = ::write(fd(), waiting_.data(), waiting_.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0 && errno != EAGAIN) waiting_.clear();  // no console at all: a headless machine
    if (put <= 0) return;
    waiting_.erase(0, static_cast<std::size_t>(put));
  }
}

void Console::drain(Milliseconds limit) {
  Microseconds end = since_boot() + limit;
  while (pending() && since_boot() < end) {
    flush();
    pollfd ready{fd(), POLLOUT, 0};
    if (pending()) ::poll(&ready, 1, 20);
  }
}

}  // namespace guest
