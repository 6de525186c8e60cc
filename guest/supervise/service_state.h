#pragma once

#include <optional>

#include "base/clock.h"
#include "container/spec.h"

namespace guest {

/// The life of one container as a state machine without side effects: events go in, the one thing to do comes out.
/// Times are since boot.
///
///     stopped ──start──▶ starting ──launched──▶ running ──exited──▶ exited
///        ▲                  │ failed                │ stop              │ restart policy, start
///        │                  ▼                       ▼                   ▼
///        └──cleaned── cleaning ◀──exited──────── stopping          cleaning ──▶ waiting ──▶ starting
///
class ServiceState {
 public:
  enum class State { stopped, starting, running, stopping, exited, failed, cleaning, waiting };

  /// What the caller must do now. After `launch` it reports launched() or launch_failed(), and after `clean_up`
  /// cleaned().
  enum class Action { none, launch, signal_stop, signal_kill, clean_up };

  explicit ServiceState(RestartPolicy policy = RestartPolicy::no) : policy_(policy) {}

  Action start(Microseconds now);
  Action stop(Microseconds now);
  Action restart(Microseconds now);
  Action launched(Microseconds now);
  Action launch_failed(Microseconds now);
  /// `status` is a wait status.
  Action exited(int status, Microseconds now);
  Action cleaned(Microseconds now);
  /// Call when deadline() has passed.
  Action tick(Microseconds now);

  /// When tick() is due: the end of a stopping service's grace, or of a backoff.
  std::optional<Microseconds> deadline() const { return deadline_; }

  State state() const { return state_; }
  const char* name() const;
  std::optional<int> last_status() const { return status_; }
  int restarts() const { return restarts_; }
  /// Time of the last successful launch.
  Microseconds started() const { return started_; }
  /// Whether a process may exist.
  bool alive() const { return state_ == State::starting || state_ == State::running || state_ == State::stopping; }
  /// Whether nothing is under way: a stop asked for has come to its end.
  bool settled() const;
  /// No restart from now on: the system is going down.
  void retire() { policy_ = RestartPolicy::no; }

  /// Time between the stop signal and SIGKILL.
  static constexpr Microseconds kGrace = std::chrono::seconds{10};
  static constexpr Microseconds kFirstBackoff = std::chrono::milliseconds{500};
  static constexpr Microseconds kMaxBackoff = std::chrono::seconds{30};
  /// A service that ran this long starts again with the first backoff.
  static constexpr Microseconds kHealthy = std::chrono::seconds{10};

 private:
  enum class Next { stop, launch, backoff };

  Action go(State state, Action action);
  Action launch(Microseconds now);
  Action clean(Next next);
  bool wants_restart(int status) const;
  void lengthen_backoff(Microseconds now);

  RestartPolicy policy_;
  State state_ = State::stopped;
  Next next_ = Next::stop;     ///< after cleaning
  bool stop_wanted_ = false;   ///< a stop came while starting
  bool start_wanted_ = false;  ///< a restart: start again after the stop
  std::optional<Microseconds> deadline_;
  std::optional<int> status_;
  int restarts_ = 0;
  Microseconds started_{};
  Microseconds backoff_{};
};

}  // namespace guest
