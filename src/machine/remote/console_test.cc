#include "machine/remote/console.h"

#include <gtest/gtest.h>

#include <sys/eventfd.h>
#include <unistd.h>

#include "machine/remote/testing.h"

namespace kiln::machine {
namespace {

using testing_::message_of;

/// Standard input is a pipe that the test writes, for as long as this lives.
class Typed {
 public:
  Typed() : saved_{::dup(STDIN_FILENO)} {
    int fds[2];
    if (::pipe(fds) != 0) std::abort();
    ::dup2(fds[0], STDIN_FILENO);
    ::close(fds[0]);
    keyboard_ = UniqueFd{fds[1]};
  }
  ~Typed() { ::dup2(saved_.get(), STDIN_FILENO); }
  void type(std::string_view text) { ASSERT_EQ(::write(keyboard_.get(), text.data(), text.size()), std::ssize(text)); }
  void end() { keyboard_.reset(); }

 private:
  UniqueFd saved_;
  UniqueFd keyboard_;
};

ConsoleProgram shell(const std::string& script) { return {{"sh", "-c", script}, {}}; }

TEST(Console, ShowsATerminalToTheProgram) {
  Typed typed;
  SignalPipe signals{SIGTERM};
  const ConsoleResult result = run_console(shell("test -t 0 && test -t 1 && echo yes"), signals, -1);
  EXPECT_EQ(result.end, ConsoleEnd::closed);
  EXPECT_EQ(result.last_words, "yes\r\n");
}

TEST(Console, PassesKeysAndItsEnvironment) {
  Typed typed;
  SignalPipe signals{SIGTERM};
  typed.type("hello\n");
  typed.end();
  ConsoleProgram program = shell("stty -echo; read -r line; echo \"$line $SECRET\"");
  program.environment = {{"SECRET", "s3cret"}};
  EXPECT_NE(run_console(program, signals, -1).last_words.find("hello s3cret\r\n"), std::string::npos);
}

TEST(Console, IsLeftByItsKeys) {
  Typed typed;
  SignalPipe signals{SIGTERM};
  typed.type("~.");
  EXPECT_EQ(run_console(shell("sleep 60"), signals, -1).end, ConsoleEnd::left);
}

TEST(Console, EndsBySignal) {
  Typed typed;
  SignalPipe signals{SIGTERM};
  ::kill(::getpid(), SIGTERM);
  const ConsoleResult result = run_console(shell("sleep 60"), signals, -1);
  EXPECT_EQ(result.end, ConsoleEnd::interrupted);
  EXPECT_EQ(result.status, SIGTERM);
}

TEST(Console, EndsWithTheMachine) {
  Typed typed;
  SignalPipe signals{SIGTERM};
  UniqueFd ended{::eventfd(1, 0)};
  EXPECT_EQ(run_console(shell("sleep 60"), signals, ended.get()).end, ConsoleEnd::machine_off);
}

TEST(Console, TellsOfAProgramThatFails) {
  Typed typed;
  SignalPipe signals{SIGTERM};
  const ConsoleResult result = run_console(shell("echo no route >&2; exit 255"), signals, -1);
  EXPECT_EQ(result.end, ConsoleEnd::lost);
  EXPECT_EQ(result.status, 255);
  EXPECT_FALSE(result.lived);
  EXPECT_EQ(result.last_words, "no route\r\n");
}

TEST(Console, OneThatCannotBeStarted) {
  SignalPipe signals{SIGTERM};
  EXPECT_EQ(message_of([&] {
              run_console({{"/nowhere/console"}, {}}, signals, -1);
            }),
            "starting '/nowhere/console': No such file or directory");
}

TEST(SshProgram, HasNothingThatCouldBeAnOption) {
  SshConsole console{"admin", "10.0.0.2", 2200, {"StrictHostKeyChecking=no"}, "console"};
  EXPECT_EQ(ssh_program(console).arguments,
            (std::vector<std::string>{"ssh", "-tt", "-e", "none", "-p", "2200", "-o", "StrictHostKeyChecking=no", "-l",
                                      "admin", "--", "10.0.0.2", "console"}));
  console.host = "-oProxyCommand=id";
  EXPECT_EQ(message_of([&] { ssh_program(console); }),
            "console host '-oProxyCommand=id': expected a host name or address");
}

}  // namespace
}  // namespace kiln::machine
