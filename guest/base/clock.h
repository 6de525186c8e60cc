#pragma once

#include <chrono>
#include <ctime>

namespace guest {

using Milliseconds = std::chrono::milliseconds;
using Microseconds = std::chrono::microseconds;

/// Time since the kernel started, unmoved by changes of the wall clock.
inline Microseconds since_boot() {
  timespec now;
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return std::chrono::duration_cast<Microseconds>(std::chrono::seconds{now.tv_sec} +
                                                  std::chrono::nanoseconds{now.tv_nsec});
}

inline double seconds(Microseconds duration) { return static_cast<double>(duration.count()) / 1e6; }

}  // namespace guest
