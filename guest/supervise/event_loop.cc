#include "supervise/event_loop.h"

#include <sys/epoll.h>

#include <algorithm>

namespace guest {
namespace {

// Descriptor numbers are reused: an event queued for a closed one must not reach its successor, so the serial travels
// with it.
constexpr std::uint64_t kSerialMask = 0xffffffff;

std::uint64_t pack(int fd, std::uint64_t serial) {
  return static_cast<std::uint64_t>(static_cast<std::uint32_t>(fd)) << 32 | (serial & kSerialMask);
}

int timeout_until(std::optional<Microseconds> until) {
  if (!until) return -1;
  Microseconds left = *until - since_boot();
  if (left.count() <= 0) return 0;
  return static_cast<int>(std::min<long long>(left.count() / 1000 + 1, 3600LL * 1000));
}

}  // namespace

Errno EventLoop::open() {
  epoll_ = UniqueFd{::epoll_create1(EPOLL_CLOEXEC)};
  return epoll_ ? Errno{} : Errno::last();
}

Errno EventLoop::watch(int fd, std::uint32_t events, Callback callback) {
  std::uint64_t serial = next_serial_++;
  epoll_event event{};
  event.events = events;
  event.data.u64 = pack(fd, serial);
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) return Errno::last();
  watches_[fd] = Watch{serial, std::move(callback)};
  return {};
}

void EventLoop::forget(int fd) {
  if (watches_.erase(fd) > 0) ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

void EventLoop::run_once(std::optional<Microseconds> until) {
  epoll_event events[32];
  int count = ::epoll_wait(epoll_.get(), events, 32, timeout_until(until));
  for (int i = 0; i < count; ++i) {
    int fd = static_cast<int>(events[i].data.u64 >> 32);
    auto found = watches_.find(fd);
    if (found == watches_.end() || (found->second.serial & kSerialMask) != (events[i].data.u64 & kSerialMask)) continue;
    // A copy, since the callback may forget this very watch.
    Callback callback = found->second.callback;
    callback(events[i].events);
  }
}

}  // namespace guest
