#pragma once

#include <chrono>
#include <functional>

#include "base/clock.h"
#include "base/error.h"
#include "base/signal_pipe.h"

namespace kiln::machine {

/// The user wants to leave while something is waited for.
class Interrupted : public Error {
 public:
  explicit Interrupted(int signal) : Error{"interrupted"}, signal_{signal} {}
  int exit_status() const { return 128 + signal_; }

 private:
  int signal_;
};

/// Time that passes, and can be waited for. Tests have one that passes at once.
struct Waiter : Clock {
  virtual void pause(std::chrono::nanoseconds duration) = 0;  ///< throws Interrupted
};

/// Until SIGINT, SIGTERM or SIGHUP: those that come while nothing is waited for are found by the next pause.
class SignalWaiter final : public Waiter {
 public:
  std::chrono::nanoseconds now() const override { return clock_.now(); }
  void pause(std::chrono::nanoseconds duration) override;
  SignalPipe& signals() { return signals_; }

 private:
  SteadyClock clock_;
  SignalPipe signals_{SIGINT, SIGTERM, SIGHUP};
};

/// Asks `done` at once and then every `interval` until it says so; false if it has not after `limit`.
bool wait_until(Waiter& waiter, std::chrono::nanoseconds limit, std::chrono::nanoseconds interval,
                const std::function<bool()>& done);

}  // namespace kiln::machine
