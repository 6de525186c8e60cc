#include "container/zygote.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>

#include "base/text.h"

namespace guest {
namespace {

Command shell(std::string script) { return {"/bin/sh", {"sh", "-c", std::move(script)}}; }

struct Outcome {
  std::string output;
  int status = 0;
};

/// Runs the script as a copy of the zygote and waits for it.
Outcome run(Zygote& zygote, const std::string& script) {
  std::array<int, 2> ends{};
  EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  UniqueFd reading{ends[0]};
  UniqueFd writing{ends[1]};
  Command command = shell(script);
  command.output = writing.get();
  pid_t pid = 0;
  Errno error = zygote.spawn(command, pid);
  EXPECT_FALSE(error.failed()) << error.text();
  writing.reset();
  Outcome outcome;
  std::array<char, 4096> buffer{};
  for (ssize_t got = 0; (got = ::read(reading.get(), buffer.data(), buffer.size())) > 0;) {
    outcome.output.append(buffer.data(), static_cast<std::size_t>(got));
  }
  EXPECT_EQ(::waitpid(pid, &outcome.status, 0), pid);
  return outcome;
}

TEST(Zygote, CopiesRunWithArgumentsAndOutputsOfTheirOwn) {
  Zygote zygote;
  ASSERT_FALSE(zygote.start(shell("exit 9")).failed());
  for (int i = 0; i < 3; ++i) {
    Outcome outcome = run(zygote, format("echo copy %d; exit %d", i, i + 3));
    EXPECT_EQ(outcome.output, format("copy %d\n", i));
    EXPECT_EQ(WEXITSTATUS(outcome.status), i + 3);
  }
}

TEST(Zygote, CopiesHaveWhatASpawnedProgramHas) {
  Zygote zygote;
  ASSERT_FALSE(zygote.start(shell("exit 9")).failed());
  EXPECT_EQ(run(zygote, "env | grep LD_PRELOAD").output, "");
  EXPECT_EQ(run(zygote, "cut -d ' ' -f 4 /proc/$$/stat").output, format("%d\n", ::getpid()));
  EXPECT_EQ(run(zygote, "set -- $(cut -d ' ' -f 1,6 /proc/$$/stat); test $1 = $2 && echo own session").output,
            "own session\n");
  EXPECT_EQ(run(zygote, "test -e /proc/$$/fd/3 -o -e /proc/$$/fd/4 || echo none of ours").output, "none of ours\n");
  EXPECT_EQ(run(zygote, "grep -c zygote /proc/$$/environ").output, "0\n");
  EXPECT_EQ(run(zygote, "test $(readlink /proc/$$/fd/0) = /dev/null && echo empty").output, "empty\n");
}

TEST(Zygote, TakesAsManyArgumentsAsItWasStartedWith) {
  Zygote zygote;
  ASSERT_FALSE(zygote.start(shell("exit 9")).failed());
  Command longer = shell("true");
  longer.args.emplace_back("more");
  EXPECT_FALSE(zygote.takes(longer));
  EXPECT_TRUE(zygote.takes(shell("true")));
  pid_t pid = 0;
  EXPECT_EQ(zygote.spawn(longer, pid).value(), EINVAL);
  EXPECT_EQ(zygote.spawn(shell(std::string(10'000, 'x')), pid).value(), E2BIG);
  EXPECT_FALSE(zygote.takes(shell("true"))) << "after a failure it is gone";
}

TEST(Zygote, FailsWhereTheLibraryIsNotHonoured) {
  Zygote zygote;
  Command linked_statically{"/sbin/ldconfig", {"ldconfig", "--version"}};
  ASSERT_FALSE(zygote.start(linked_statically).failed());
  pid_t pid = 0;
  EXPECT_TRUE(zygote.spawn(linked_statically, pid).failed());
  EXPECT_FALSE(zygote.takes(linked_statically));
  EXPECT_GT(::waitpid(-1, nullptr, 0), 0);
}

TEST(Zygote, SaysWhenTheProgramIsMissing) {
  Zygote zygote;
  EXPECT_EQ(zygote.start({"/nonexistent", {"nonexistent"}}).value(), ENOENT);
  EXPECT_FALSE(zygote.takes({"/nonexistent", {"nonexistent"}}));
}

TEST(Zygote, EndsWhenItIsStopped) {
  Zygote zygote;
  ASSERT_FALSE(zygote.start(shell("exit 9")).failed());
  run(zygote, "true");
  zygote.stop();
  int status = -1;
  EXPECT_GT(::waitpid(-1, &status, 0), 0);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace guest
