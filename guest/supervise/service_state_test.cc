#include "supervise/service_state.h"

#include <gtest/gtest.h>
#include <signal.h>

namespace guest {
namespace {

using Action = ServiceState::Action;
using State = ServiceState::State;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr int kExit1 = 1 << 8;

Microseconds at(double time) { return Microseconds{static_cast<long long>(time * 1e6)}; }

ServiceState running(RestartPolicy policy, Microseconds since = at(1)) {
  ServiceState service{policy};
  EXPECT_EQ(service.start(since), Action::launch);
  EXPECT_EQ(service.launched(since), Action::none);
  EXPECT_EQ(service.state(), State::running);
  return service;
}

TEST(ServiceState, WithoutAPolicyAnExitIsFinal) {
  ServiceState service = running(RestartPolicy::no);
  EXPECT_EQ(service.exited(kExit1, at(2)), Action::none);
  EXPECT_EQ(service.state(), State::exited);
  EXPECT_EQ(service.last_status(), kExit1);
  EXPECT_EQ(service.deadline(), std::nullopt);
}

TEST(ServiceState, StopAsksThenKills) {
  ServiceState service = running(RestartPolicy::always);
  EXPECT_EQ(service.stop(at(2)), Action::signal_stop);
  EXPECT_EQ(service.deadline(), at(12));
  EXPECT_EQ(service.tick(at(11)), Action::none);
  EXPECT_EQ(service.tick(at(12)), Action::signal_kill);
  EXPECT_EQ(service.exited(SIGKILL, at(12.1)), Action::clean_up);
  EXPECT_FALSE(service.settled());
  EXPECT_EQ(service.cleaned(at(12.2)), Action::none);
  EXPECT_EQ(service.state(), State::stopped);  // and no policy starts it again
  EXPECT_TRUE(service.settled());
}

TEST(ServiceState, StartAfterStopIsFresh) {
  ServiceState service = running(RestartPolicy::no);
  service.stop(at(2));
  service.exited(0, at(3));
  service.cleaned(at(3));
  EXPECT_EQ(service.start(at(4)), Action::launch);
}

TEST(ServiceState, StartAfterExitCleansFirst) {
  ServiceState service = running(RestartPolicy::no);
  service.exited(0, at(2));
  EXPECT_EQ(service.start(at(3)), Action::clean_up);
  EXPECT_EQ(service.cleaned(at(3)), Action::launch);
}

TEST(ServiceState, AlwaysBacksOffAndForgets) {
  ServiceState service = running(RestartPolicy::always);
  Microseconds now = at(1);
  Microseconds expected = ServiceState::kFirstBackoff;
  for (int round = 1; round <= 9; ++round) {
    ASSERT_EQ(service.exited(0, now), Action::clean_up);
    ASSERT_EQ(service.cleaned(now), Action::none);
    ASSERT_EQ(service.state(), State::waiting);
    ASSERT_EQ(*service.deadline() - now, expected) << round;
    now = *service.deadline();
    ASSERT_EQ(service.tick(now), Action::launch);
    ASSERT_EQ(service.restarts(), round);
    service.launched(now);
    expected = std::min(expected * 2, ServiceState::kMaxBackoff);
  }
  now += ServiceState::kHealthy;
  service.exited(0, now);
  service.cleaned(now);
  EXPECT_EQ(*service.deadline() - now, ServiceState::kFirstBackoff);
}

TEST(ServiceState, OnFailureTellsSuccessFromFailure) {
  ServiceState good = running(RestartPolicy::on_failure);
  EXPECT_EQ(good.exited(0, at(2)), Action::none);
  ServiceState bad = running(RestartPolicy::on_failure);
  EXPECT_EQ(bad.exited(kExit1, at(2)), Action::clean_up);
  ServiceState killed = running(RestartPolicy::on_failure);
  EXPECT_EQ(killed.exited(SIGSEGV, at(2)), Action::clean_up);
}

TEST(ServiceState, RestartIsStopThenStart) {
  ServiceState service = running(RestartPolicy::no);
  EXPECT_EQ(service.restart(at(2)), Action::signal_stop);
  EXPECT_EQ(service.exited(0, at(2)), Action::clean_up);
  EXPECT_EQ(service.cleaned(at(2)), Action::launch);
  EXPECT_EQ(service.restarts(), 0);  // counts those nobody asked for
}

TEST(ServiceState, StopWhileStarting) {
  ServiceState service;
  service.start(at(1));
  EXPECT_EQ(service.stop(at(1)), Action::none);
  EXPECT_EQ(service.launched(at(2)), Action::signal_stop);
  EXPECT_EQ(service.state(), State::stopping);
}

TEST(ServiceState, RestartWhileStarting) {
  ServiceState service;
  service.start(at(1));
  EXPECT_EQ(service.restart(at(1)), Action::none);
  EXPECT_EQ(service.launched(at(2)), Action::signal_stop);
  EXPECT_EQ(service.exited(SIGTERM, at(3)), Action::clean_up);
  EXPECT_EQ(service.cleaned(at(3)), Action::launch);
}

TEST(ServiceState, FailedLaunchFollowsThePolicy) {
  ServiceState once;
  once.start(at(1));
  EXPECT_EQ(once.launch_failed(at(1)), Action::none);
  EXPECT_EQ(once.state(), State::failed);
  ServiceState always{RestartPolicy::always};
  always.start(at(1));
  EXPECT_EQ(always.launch_failed(at(1)), Action::clean_up);
  always.cleaned(at(1));
  EXPECT_EQ(always.state(), State::waiting);
}

TEST(ServiceState, StopWhileWaitingEndsTheRestarts) {
  ServiceState service = running(RestartPolicy::always);
  service.exited(0, at(2));
  service.cleaned(at(2));
  EXPECT_EQ(service.stop(at(2)), Action::none);
  EXPECT_EQ(service.state(), State::stopped);
  EXPECT_EQ(service.deadline(), std::nullopt);
}

TEST(ServiceState, RetiredServicesStayDown) {
  ServiceState service = running(RestartPolicy::always);
  service.retire();
  EXPECT_EQ(service.exited(kExit1, at(2)), Action::none);
  EXPECT_EQ(service.state(), State::exited);
}

}  // namespace
}  // namespace guest
