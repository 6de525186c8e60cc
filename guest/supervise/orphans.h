#pragma once

#include <sys/types.h>

#include <cstddef>
#include <deque>
#include <optional>

namespace guest {

/// The exit statuses of processes nobody has claimed yet. A container that ends at once may be reaped before the
/// runtime command that started it has told us its process id.
class Orphans {
 public:
  void add(pid_t pid, int status) {
    if (waiting_.size() == kMax) waiting_.pop_front();
    waiting_.push_back({pid, status});
  }
  /// Takes the status of `pid`, if it was seen.
  std::optional<int> take(pid_t pid) {
    for (auto it = waiting_.begin(); it != waiting_.end(); ++it) {
      if (it->pid != pid) continue;
      int status = it->status;
      waiting_.erase(it);
      return status;
    }
    return std::nullopt;
  }
  void clear() { waiting_.clear(); }

 private:
  // A fork bomb in one container must not make another's exit status unknown too easily, nor fill PID 1's memory.
  static constexpr std::size_t kMax = 4096;
  struct Exit {
    pid_t pid;
    int status;
  };
  std::deque<Exit> waiting_;
};

}  // namespace guest
