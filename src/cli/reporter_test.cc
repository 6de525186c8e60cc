#include <gtest/gtest.h>

#include "cli/json_reporter.h"
#include "cli/live_reporter.h"
#include "cli/plain_reporter.h"
#include "cli/testing.h"

namespace kiln::cli {
namespace {

using namespace std::chrono_literals;

constexpr Style kPlain{false};

class LiveReporterTest : public testing::Test {
 protected:
  FakeTerminal terminal;
  FakeClock clock;
  LiveReporter reporter{terminal, clock, Verbosity::normal, kPlain};

  std::string redrawn() {
    reporter.redraw();
    return terminal.take();
  }
};

TEST_F(LiveReporterTest, DrawsARowForEachRunningActivity) {
  auto known = reporter.start("pull", "nginx:1.27", 40000000);
  auto unknown = reporter.start("index", "layer", 0);
  EXPECT_EQ(redrawn(),
            "pull nginx:1.27    0 B of 40.0 MB  [....................]\n"
            "index layer\n");
  known->advance(10000000);
  unknown->advance(1500);
  clock.time = 2s;
  EXPECT_EQ(redrawn(),
            "\x1b[2A\r\x1b[J"
            "pull nginx:1.27    10.0 MB of 40.0 MB  [#####...............]  5.0 MB/s\n"
            "index layer         1.5 kB  750 B/s\n");
}

TEST_F(LiveReporterTest, CountsWhatIsDone) {
  auto first = reporter.start("pull", "a", 1000);
  auto second = reporter.start("pull", "b", 0);
  auto third = reporter.start("render", "c", 0);
  first->advance(1000);
  first->finish("");
  second->finish("cached");
  EXPECT_EQ(redrawn(), "render c\npull: 2 done, 1 from the cache, 1.0 kB\n");
}

TEST_F(LiveReporterTest, AnActivityThatWasAbandonedIsNotDone) {
  { auto abandoned = reporter.start("pull", "a", 1000); }
  EXPECT_EQ(redrawn(), "");
}

TEST_F(LiveReporterTest, WhatOthersWriteGoesAboveTheBlock) {
  auto activity = reporter.start("pull", "a", 0);
  redrawn();
  reporter.interrupt([&] { terminal.write("a line on stdout\n"); });
  EXPECT_EQ(terminal.take(), "\x1b[1A\r\x1b[Ja line on stdout\npull a\n");
  reporter.stop();
  terminal.take();
  reporter.interrupt([&] { terminal.write("another\n"); });
  EXPECT_EQ(terminal.take(), "another\n");
}

TEST_F(LiveReporterTest, LinesThatStayGoAboveTheBlock) {
  auto activity = reporter.start("pull", "a", 0);
  redrawn();
  reporter.warning("no signature");
  EXPECT_EQ(terminal.take(), "\x1b[1A\r\x1b[Jwarning: no signature\npull a\n");
  reporter.detail("not shown");
  EXPECT_EQ(terminal.take(), "");
}

TEST_F(LiveReporterTest, StopLeavesNothingButLines) {
  auto activity = reporter.start("pull", "a", 0);
  redrawn();
  reporter.stop();
  EXPECT_EQ(terminal.take(), "\x1b[1A\r\x1b[J");
  EXPECT_EQ(redrawn(), "");
  reporter.info("done");
  EXPECT_EQ(terminal.take(), "done\n");
}

struct WidthCase {
  unsigned width;
  const char* row;
};
constexpr WidthCase kWidths[] = {
    {90, "pull a-rather-long-name:1.27  10.0 MB of 40.0 MB  [#####...............]  5.0 MB/s\n"},
    {80, "pull a-rather-long-name:1.27  10.0 MB of 40.0 MB  [#####...............]\n"},
    {60, "pull a-rather-long-name:1.27  10.0 MB of 40.0 MB\n"},
    {40, "pull a-rather-long…  10.0 MB of 40.0 MB\n"},
    {20, "pull a-rather-long…\n"},
    {5, "pul…\n"},
};
TEST_F(LiveReporterTest, NarrowTerminalsGetLess) {
  auto activity = reporter.start("pull", "a-rather-long-name:1.27", 40000000);
  activity->advance(10000000);
  clock.time = 2s;
  for (const WidthCase& one : kWidths) {
    terminal.width = one.width;
    const std::string drawn = redrawn();
    const std::size_t start = drawn.rfind("\x1b[J");
    EXPECT_EQ(start == std::string::npos ? drawn : drawn.substr(start + 3), one.row) << one.width;
  }
}

TEST_F(LiveReporterTest, ErasesTheWrappedLinesOfATerminalMadeNarrower) {
  auto activity = reporter.start("pull", std::string(60, 'x'), 0);
  redrawn();
  terminal.width = 30;
  EXPECT_EQ(redrawn(), "\x1b[3A\r\x1b[Jpull " + std::string(23, 'x') + "…\n");
}

TEST_F(LiveReporterTest, ALowTerminalShowsTheFirstRows) {
  terminal.height = 5;
  std::vector<std::unique_ptr<Activity>> activities;
  for (const char* name : {"a", "b", "c", "d"}) activities.push_back(reporter.start("pull", name, 0));
  EXPECT_EQ(redrawn(), "pull a\npull b\n... and 2 more\n");
}

TEST_F(LiveReporterTest, NamesCannotCommandTheTerminal) {
  auto activity = reporter.start("pull", "evil\x1b[2J", 0);
  EXPECT_EQ(redrawn(), "pull evil?[2J\n");
}

TEST(PlainReporter, SaysHowActivitiesEnded) {
  FakeTerminal terminal;
  PlainReporter reporter{terminal, Verbosity::normal, kPlain};
  auto pulled = reporter.start("pull", "nginx", 0);
  auto cached = reporter.start("render", "getty", 0);
  auto abandoned = reporter.start("pull", "lost", 0);
  pulled->advance(40200000);
  pulled->finish("");
  cached->finish("cached");
  abandoned.reset();
  reporter.detail("hidden");
  EXPECT_EQ(terminal.text, "pull nginx: 40.2 MB\nrender getty: cached\n");
}

TEST(PlainReporter, QuietShowsWarningsOnly) {
  FakeTerminal terminal;
  PlainReporter reporter{terminal, Verbosity::quiet, kPlain};
  reporter.start("pull", "nginx", 0)->finish("");
  reporter.info("hello");
  reporter.warning("careful");
  EXPECT_EQ(terminal.text, "warning: careful\n");
}

TEST(JsonReporter, WritesOneObjectALine) {
  FakeTerminal terminal;
  FakeClock clock;
  JsonReporter reporter{terminal, clock, false};
  auto pulled = reporter.start("pull", "nginx", 0);
  pulled->expect(3000);
  pulled->advance(1000);  // too early for an event
  clock.time = 1s;
  pulled->advance(1000);
  pulled->finish("note");
  reporter.start("pull", "lost", 7).reset();
  reporter.detail("hidden");
  reporter.warning("careful");
  EXPECT_EQ(terminal.text,
            R"({"event":"start","id":1,"verb":"pull","subject":"nginx","total":0}
{"event":"progress","id":1,"done":2000,"total":3000}
{"event":"finish","id":1,"done":2000,"note":"note"}
{"event":"start","id":2,"verb":"pull","subject":"lost","total":7}
{"event":"abandon","id":2,"done":0}
{"event":"warning","message":"careful"}
)");
}

}  // namespace
}  // namespace kiln::cli
