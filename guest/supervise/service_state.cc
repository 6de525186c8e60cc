#include "supervise/service_state.h"

#include <algorithm>

namespace guest {

using Action = ServiceState::Action;

Action ServiceState::go(State state, Action action) {
  state_ = state;
  deadline_.reset();
  return action;
}

Action ServiceState::launch(Microseconds) {
  stop_wanted_ = false;
  start_wanted_ = false;
  return go(State::starting, Action::launch);
}

Action ServiceState::clean(Next next) {
  next_ = next;
  return go(State::cleaning, Action::clean_up);
}

Action ServiceState::start(Microseconds now) {
  switch (state_) {
    case State::stopped:
    case State::waiting:
      return launch(now);
    // What the last run left behind is removed first, so that every start finds a fresh file system.
    case State::exited:
    case State::failed:
      return clean(Next::launch);
    case State::cleaning:
      next_ = Next::launch;
      return Action::none;
    case State::starting:
      stop_wanted_ = false;
      return Action::none;
    case State::stopping:
      start_wanted_ = true;
      return Action::none;
    case State::running:
      return Action::none;
  }
  return Action::none;
}

Action ServiceState::stop(Microseconds now) {
  start_wanted_ = false;
  switch (state_) {
    case State::running: {
      Action action = go(State::stopping, Action::signal_stop);
      deadline_ = now + kGrace;
      return action;
    }
    case State::starting:
      stop_wanted_ = true;
      return Action::none;
    case State::waiting:
      return go(State::stopped, Action::none);
    case State::exited:
    case State::failed:
      return clean(Next::stop);
    case State::cleaning:
      next_ = Next::stop;
      return Action::none;
    case State::stopping:
    case State::stopped:
      return Action::none;
  }
  return Action::none;
}

Action ServiceState::restart(Microseconds now) {
  if (state_ != State::running && state_ != State::starting && state_ != State::stopping) return start(now);
  Action action = stop(now);
  start_wanted_ = true;
  return action;
}

Action ServiceState::launched(Microseconds now) {
  started_ = now;
  bool restart = start_wanted_;
  Action action = go(State::running, Action::none);
  if (stop_wanted_) {
    stop_wanted_ = false;
    action = stop(now);
    start_wanted_ = restart;
  }
  return action;
}

Action ServiceState::launch_failed(Microseconds now) {
  if (stop_wanted_ || start_wanted_) return clean(start_wanted_ ? Next::launch : Next::stop);
  if (policy_ == RestartPolicy::no) return go(State::failed, Action::none);
  lengthen_backoff(now);
  return clean(Next::backoff);
}

bool ServiceState::wants_restart(int status) const {
  return policy_ == RestartPolicy::always || (policy_ == RestartPolicy::on_failure && status != 0);
}

void ServiceState::lengthen_backoff(Microseconds now) {
  bool healthy = started_ > Microseconds{} && now - started_ >= kHealthy;
  backoff_ = healthy || backoff_ == Microseconds{} ? kFirstBackoff : std::min(backoff_ * 2, kMaxBackoff);
}

Action ServiceState::exited(int status, Microseconds now) {
  status_ = status;
  if (state_ == State::stopping) return clean(start_wanted_ ? Next::launch : Next::stop);
  if (!wants_restart(status)) return go(State::exited, Action::none);
  lengthen_backoff(now);
  return clean(Next::backoff);
}

Action ServiceState::cleaned(Microseconds now) {
  switch (next_) {
    case Next::stop:
      return go(State::stopped, Action::none);
    case Next::launch:
      return launch(now);
    case Next::backoff:
      break;
  }
  Action action = go(State::waiting, Action::none);
  deadline_ = now + backoff_;
  return action;
}

Action ServiceState::tick(Microseconds now) {
  if (!deadline_ || now < *deadline_) return Action::none;
  deadline_.reset();
  if (state_ == State::stopping) return Action::signal_kill;
  if (state_ != State::waiting) return Action::none;
  // A policy retired while waiting means the system is going down.
  if (policy_ == RestartPolicy::no) return go(State::stopped, Action::none);
  ++restarts_;
  return launch(now);
}

const char* ServiceState::name() const {
  switch (state_) {
    case State::stopped:
      return "stopped";
    case State::starting:
      return "starting";
    case State::running:
      return "running";
    case State::stopping:
      return "stopping";
    case State::exited:
      return "exited";
    case State::failed:
      return "failed";
    case State::cleaning:
      return "cleaning";
    case State::waiting:
      return "waiting";
  }
  return "unknown";
}

bool ServiceState::settled() const {
  switch (state_) {
    case State::stopped:
    case State::running:
    case State::exited:
    case State::failed:
    case State::waiting:
      return true;
    default:
      return false;
  }
}

}  // namespace guest
