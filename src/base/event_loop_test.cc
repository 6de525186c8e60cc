#include "base/event_loop.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <string>
#include <vector>

namespace kiln {
namespace {

using namespace std::chrono_literals;

struct ManualClock final : Clock {
  std::chrono::nanoseconds time{};
  std::chrono::nanoseconds now() const override { return time; }
};

struct Pipe {
  UniqueFd read, write;
  Pipe() {
    int ends[2];
    if (::pipe(ends) == 0) {
      read = UniqueFd{ends[0]};
      write = UniqueFd{ends[1]};
    }
  }
};

TEST(EventLoop, TimersInOrderAndOnce) {
  ManualClock clock;
  EventLoop loop{clock};
  std::vector<int> ran;
  loop.after(20ms, [&] { ran.push_back(2); });
  loop.after(10ms, [&] { ran.push_back(1); });
  const EventLoop::Timer cancelled = loop.after(15ms, [&] { ran.push_back(9); });
  loop.cancel(cancelled);
  loop.cancel(cancelled);
  loop.run_once(0ms);
  EXPECT_TRUE(ran.empty());
  clock.time = 10ms;
  loop.run_once(0ms);
  EXPECT_EQ(ran, (std::vector{1}));
  clock.time = 1s;
  loop.run_once(0ms);
  loop.run_once(0ms);
  EXPECT_EQ(ran, (std::vector{1, 2}));
}

TEST(EventLoop, ATimerSetByATimerWaitsForTheNextRound) {
  ManualClock clock;
  EventLoop loop{clock};
  int ran = 0;
  std::function<void()> again = [&] {
    ++ran;
    loop.after(0ms, again);
  };
  loop.after(0ms, again);
  loop.run_once(0ms);
  EXPECT_EQ(ran, 1);
  loop.run_once(0ms);
  EXPECT_EQ(ran, 2);
}

TEST(EventLoop, DescriptorsUntilForgotten) {
  const SteadyClock clock;
  EventLoop loop{clock};
  Pipe pipe;
  int called = 0;
  loop.watch(pipe.read.get(), EventLoop::kReadable, [&](std::uint32_t ready) {
    EXPECT_EQ(ready, std::uint32_t{EventLoop::kReadable});
    ++called;
  });
  loop.run_once(0ms);
  EXPECT_EQ(called, 0);
  ASSERT_EQ(::write(pipe.write.get(), "x", 1), 1);
  loop.run_once(1s);
  loop.run_once(1s);  // level-triggered: nobody has read it
  EXPECT_EQ(called, 2);
  loop.change(pipe.read.get(), 0);
  loop.run_once(0ms);
  loop.forget(pipe.read.get());
  loop.run_once(0ms);
  EXPECT_EQ(called, 2);
}

TEST(EventLoop, ACallbackMayForgetWhatIsReadyInTheSameRound) {
  const SteadyClock clock;
  EventLoop loop{clock};
  Pipe a, b;
  ASSERT_EQ(::write(a.write.get(), "x", 1), 1);
  ASSERT_EQ(::write(b.write.get(), "x", 1), 1);
  int called = 0;
  const auto forget_both = [&](std::uint32_t) {
    ++called;
    loop.forget(a.read.get());
    loop.forget(b.read.get());
  };
  loop.watch(a.read.get(), EventLoop::kReadable, forget_both);
  loop.watch(b.read.get(), EventLoop::kReadable, forget_both);
  loop.run_once(1s);
  EXPECT_EQ(called, 1);
}

TEST(EventLoop, AHangUpIsShownAsWhatWasWaitedFor) {
  const SteadyClock clock;
  EventLoop loop{clock};
  Pipe pipe;
  pipe.write.reset();
  std::uint32_t seen = 0;
  loop.watch(pipe.read.get(), EventLoop::kReadable, [&](std::uint32_t ready) { seen = ready; });
  loop.run_once(1s);
  EXPECT_EQ(seen, std::uint32_t{EventLoop::kReadable});
}

}  // namespace
}  // namespace kiln
