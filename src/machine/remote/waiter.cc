#include "machine/remote/waiter.h"

#include <poll.h>

#include <algorithm>

namespace kiln::machine {

void SignalWaiter::pause(std::chrono::nanoseconds duration) {
  const auto end = now() + duration;
  do {
    if (const int signal = signals_.take(); signal != 0) throw Interrupted{signal};
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(std::max(end - now(), std::chrono::nanoseconds{0}));
    pollfd waiting{signals_.fd(), POLLIN, 0};
    ::poll(&waiting, 1, static_cast<int>(left.count()));
  } while (now() < end);
  if (const int signal = signals_.take(); signal != 0) throw Interrupted{signal};
}

bool wait_until(Waiter& waiter, std::chrono::nanoseconds limit, std::chrono::nanoseconds interval,
                const std::function<bool()>& done) {
  const auto end = waiter.now() + limit;
  while (!done()) {
    if (waiter.now() >= end) return false;
    waiter.pause(std::min(interval, end - waiter.now()));
  }
  return true;
}

}  // namespace kiln::machine
