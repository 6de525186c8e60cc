#include "base/event_loop.h"

#include <sys/epoll.h>

#include <algorithm>
#include <cassert>

#include "base/error.h"

namespace kiln {
namespace {

using namespace std::chrono_literals;

constexpr int kEventsAtOnce = 256;

std::uint32_t to_epoll(std::uint32_t wanted) {
  return ((wanted & EventLoop::kReadable) != 0 ? std::uint32_t{EPOLLIN} : 0) |
         ((wanted & EventLoop::kWritable) != 0 ? std::uint32_t{EPOLLOUT} : 0);
}

std::uint32_t from_epoll(std::uint32_t events, std::uint32_t wanted) {
  if ((events & (EPOLLERR | EPOLLHUP)) != 0) return wanted;
  return ((events & EPOLLIN) != 0 ? std::uint32_t{EventLoop::kReadable} : 0) |
         ((events & EPOLLOUT) != 0 ? std::uint32_t{EventLoop::kWritable} : 0);
}

void control(int epoll, int operation, int fd, std::uint32_t wanted) {
  epoll_event event{};
  event.events = to_epoll(wanted);
  event.data.fd = fd;
  if (::epoll_ctl(epoll, operation, fd, &event) != 0) throw SysError{errno, "watching descriptor ", fd};
}

}  // namespace

EventLoop::EventLoop(const Clock& clock) : clock_{clock}, epoll_{::epoll_create1(EPOLL_CLOEXEC)} {
  if (!epoll_) throw SysError{errno, "creating an epoll instance"};
}

void EventLoop::watch(int fd, std::uint32_t wanted, OnReady on_ready) {
  assert(watches_.find(fd) == watches_.end());
  control(epoll_.get(), EPOLL_CTL_ADD, fd, wanted);
  watches_.emplace(fd, std::make_shared<Watch>(Watch{fd, std::move(on_ready), wanted}));
}

void EventLoop::change(int fd, std::uint32_t wanted) {
  Watch& watch = *watches_.at(fd);
  if (watch.wanted == wanted) return;
  watch.wanted = wanted;
  control(epoll_.get(), EPOLL_CTL_MOD, fd, wanted);
}

void EventLoop::forget(int fd) {
  if (watches_.erase(fd) > 0) ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

EventLoop::Timer EventLoop::at(std::chrono::nanoseconds when, std::function<void()> callback) {
  const Timer timer = ++last_timer_;
  timers_.emplace(std::pair{when, timer}, std::move(callback));
  due_.emplace(timer, when);
  return timer;
}

void EventLoop::cancel(Timer timer) {
  const auto due = due_.find(timer);
  if (due == due_.end()) return;
  timers_.erase({due->second, timer});
  due_.erase(due);
}

void EventLoop::run() {
  stopped_ = false;
  while (!stopped_) run_once(1h);
}

/// In milliseconds, rounded up: waking before a timer is due would only mean to wait again.
int EventLoop::timeout(std::chrono::nanoseconds longest) const {
  std::chrono::nanoseconds wait = longest;
  if (!timers_.empty()) wait = std::min(wait, timers_.begin()->first.first - clock_.now());
  return static_cast<int>(std::max<std::int64_t>(0, std::chrono::ceil<std::chrono::milliseconds>(wait).count()));
}

void EventLoop::run_once(std::chrono::nanoseconds longest) {
  epoll_event events[kEventsAtOnce];
  const int count = ::epoll_wait(epoll_.get(), events, kEventsAtOnce, timeout(longest));
  if (count < 0 && errno != EINTR) throw SysError{errno, "waiting for events"};
  // A descriptor that a callback closes and another opens under the same number must not get the old one's event.
  std::shared_ptr<Watch> ready[kEventsAtOnce];
  for (int i = 0; i < count; ++i) {
    const auto found = watches_.find(events[i].data.fd);
    if (found != watches_.end()) ready[i] = found->second;
  }
  for (int i = 0; i < count; ++i) {
    if (!ready[i]) continue;
    const auto found = watches_.find(ready[i]->fd);
    if (found == watches_.end() || found->second != ready[i]) continue;
    if (const std::uint32_t what = from_epoll(events[i].events, ready[i]->wanted); what != 0) ready[i]->on_ready(what);
  }
  run_timers();
}

/// Those due now, and none that they set for now: descriptors must get their turn.
void EventLoop::run_timers() {
  const std::chrono::nanoseconds now = clock_.now();
  const Timer last = last_timer_;
  while (!timers_.empty()) {
    const auto next = timers_.begin();
    if (next->first.first > now || next->first.second > last) return;
    const std::function<void()> callback = std::move(next->second);
    due_.erase(next->first.second);
    timers_.erase(next);
    callback();
  }
}

}  // namespace kiln
