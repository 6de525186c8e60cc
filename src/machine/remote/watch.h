#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "base/unique_fd.h"

namespace kiln::machine {

/// Asks every `interval`, on a thread of its own, whether a machine has ended, while its console is shown.
class Watch {
 public:
  /// `ended` may throw: then it is asked again the next time.
  Watch(std::function<bool()> ended, std::chrono::milliseconds interval);
  ~Watch();
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  int fd() const { return ended_fd_.get(); }  ///< readable once it has

 private:
  void run();

  std::function<bool()> ended_;
  std::chrono::milliseconds interval_;
  UniqueFd ended_fd_;
  std::mutex mutex_;
  std::condition_variable stop_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace kiln::machine
