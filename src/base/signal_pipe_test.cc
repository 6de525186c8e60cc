#include "base/signal_pipe.h"

#include <gtest/gtest.h>

namespace kiln {
namespace {

TEST(SignalPipe, TheInnermostGetsTheSignalAndTheOuterOneGetsItBack) {
  SignalPipe outer{SIGUSR1, SIGUSR2};
  {
    SignalPipe inner{SIGUSR1};
    ::raise(SIGUSR1);
    ::raise(SIGUSR2);
    EXPECT_EQ(inner.take(), SIGUSR1);
    EXPECT_EQ(inner.take(), 0);
  }
  EXPECT_EQ(outer.take(), SIGUSR2);
  ::raise(SIGUSR1);
  EXPECT_EQ(outer.take(), SIGUSR1);
}

TEST(SignalPipe, RestoresTheFormerAction) {
  ::signal(SIGUSR1, SIG_IGN);
  { SignalPipe pipe{SIGUSR1}; }
  EXPECT_EQ(::signal(SIGUSR1, SIG_DFL), SIG_IGN);
}

}  // namespace
}  // namespace kiln
