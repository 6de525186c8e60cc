#pragma once

#include <chrono>

namespace kiln {

/// Elapsed time, never set back. Passed in, so that tests decide what time it is.
struct Clock {
  virtual ~Clock() = default;
  virtual std::chrono::nanoseconds now() const = 0;  ///< since some fixed moment
};

class SteadyClock final : public Clock {
 public:
  std::chrono::nanoseconds now() const override { return std::chrono::steady_clock::now().time_since_epoch(); }
};

}  // namespace kiln
