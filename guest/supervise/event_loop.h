#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>

#include "base/clock.h"
#include "base/errno.h"
#include "base/unique_fd.h"

namespace guest {

/// One thread waiting on many descriptors (epoll(7)), a callback for each.
class EventLoop {
 public:
  using Callback = std::function<void(std::uint32_t events)>;

  Errno open();
  Errno watch(int fd, std::uint32_t events, Callback callback);
  /// Call before closing the descriptor. Safe inside a callback, its own included.
  void forget(int fd);
  /// Waits for events until `until` (for ever without one) and runs their callbacks.
  void run_once(std::optional<Microseconds> until);

 private:
  struct Watch {
    std::uint64_t serial;
    Callback callback;
  };
  UniqueFd epoll_;
  std::map<int, Watch> watches_;
  std::uint64_t next_serial_ = 1;
};

}  // namespace guest
