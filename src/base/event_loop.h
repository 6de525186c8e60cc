#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <unordered_map>

#include "base/clock.h"
#include "base/unique_fd.h"

namespace kiln {

/// One thread's wait for descriptors and times: what servers with many clients are built on. Callbacks run on the
/// thread that calls run() and may add and remove watches and timers, their own included. Not thread-safe.
class EventLoop {
 public:
  /// What a descriptor is ready for, and what one waits for.
  enum Ready : std::uint32_t { kReadable = 1, kWritable = 2 };
  /// Gets the Ready bits; errors and hang-ups show as all those waited for, so that the next call finds them.
  using OnReady = std::function<void(std::uint32_t ready)>;
  using Timer = std::uint64_t;  ///< 0 is none

  explicit EventLoop(const Clock& clock);  ///< throws SysError
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  /// Calls back whenever `fd` is ready (level-triggered), until forget(). The descriptor stays the caller's, who must
  /// forget it before closing it.
  void watch(int fd, std::uint32_t wanted, OnReady on_ready);
  void change(int fd, std::uint32_t wanted);  ///< what a watched descriptor waits for; 0: nothing
  void forget(int fd);

  /// Calls back once, at the clock's `when` or as soon after it as may be.
  Timer at(std::chrono::nanoseconds when, std::function<void()> callback);
  Timer after(std::chrono::nanoseconds delay, std::function<void()> callback) {
    return at(clock_.now() + delay, std::move(callback));
  }
  void cancel(Timer timer);  ///< of one that has run or is none: nothing

  /// Until stop() is called.
  void run();
  /// Once: waits until something is ready, a timer is due, or `longest` has passed, and calls what is due.
  void run_once(std::chrono::nanoseconds longest);
  void stop() { stopped_ = true; }

  const Clock& clock() const { return clock_; }

 private:
  void run_timers();
  int timeout(std::chrono::nanoseconds longest) const;

  const Clock& clock_;
  UniqueFd epoll_;
  bool stopped_ = false;
  // Shared, so that a callback may forget its own watch, and an event of the same round for a forgotten one is dropped.
  struct Watch {
    int fd;
    OnReady on_ready;
    std::uint32_t wanted;
  };
  std::unordered_map<int, std::shared_ptr<Watch>> watches_;
  std::map<std::pair<std::chrono::nanoseconds, Timer>, std::function<void()>> timers_;
  std::unordered_map<Timer, std::chrono::nanoseconds> due_;
  Timer last_timer_ = 0;
};

}  // namespace kiln
