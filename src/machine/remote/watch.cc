#include "machine/remote/watch.h"

#include <sys/eventfd.h>

#include <cerrno>

#include "base/error.h"

namespace kiln::machine {

Watch::Watch(std::function<bool()> ended, std::chrono::milliseconds interval)
    : ended_{std::move(ended)}, interval_{interval}, ended_fd_{::eventfd(0, EFD_CLOEXEC)} {
  if (!ended_fd_) throw SysError{errno, "creating an event"};
  thread_ = std::thread{[this] { run(); }};
}

Watch::~Watch() {
  {
    const std::lock_guard lock{mutex_};
    stopping_ = true;
  }
  stop_.notify_all();
  thread_.join();
}

void Watch::run() {
  std::unique_lock lock{mutex_};
  while (!stop_.wait_for(lock, interval_, [this] { return stopping_; })) {
    lock.unlock();
    bool ended = false;
    try {
      ended = ended_();
    } catch (const std::exception&) {
      ended = false;  // a BMC that is busy, or restarts itself: nothing to disturb the console for
    }
    lock.lock();
    if (!ended) continue;
    ::eventfd_write(ended_fd_.get(), 1);
    return;
  }
}

}  // namespace kiln::machine
