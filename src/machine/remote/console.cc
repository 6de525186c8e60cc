#include "machine/remote/console.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/bytes.h"
#include "base/child_process.h"
#include "base/human.h"
#include "base/stream.h"
#include "machine/remote/escape.h"
#include "machine/remote/pty_process.h"
#include "machine/remote/raw_terminal.h"

namespace kiln::machine {
namespace {

using namespace std::chrono_literals;

/// Connections that end sooner were none: a refused password, no route.
constexpr std::chrono::nanoseconds kAlive = 15s;
constexpr std::chrono::nanoseconds kBetweenConnections = 3s;
constexpr int kFailuresInARow = 5;

class Relay {
 public:
  Relay(const ConsoleProgram& program, SignalPipe& signals, int machine_ended)
      : process_{program.arguments, program.environment}, signals_{signals}, machine_ended_{machine_ended} {
    process_.resize_like(STDIN_FILENO);
  }

  ConsoleResult run() {
    const auto began = clock_.now();
    while (!ended_) step();
    result_.lived = clock_.now() - began > kAlive;
    result_.last_words = last_words_;
    return result_;
  }

 private:
  void step() {
    // poll() ignores negative descriptors.
    std::array<pollfd, 5> fds{{{process_.fd(), static_cast<short>(POLLIN | (input_.empty() ? 0 : POLLOUT)), 0},
                               {input_.size() < kMostTyped ? input_fd_ : -1, POLLIN, 0},
                               {signals_.fd(), POLLIN, 0},
                               {resized_.fd(), POLLIN, 0},
                               {machine_ended_, POLLIN, 0}}};
    if (::poll(fds.data(), fds.size(), -1) < 0 && errno != EINTR) throw SysError{errno, "waiting for the console"};
    if (const int signal = signals_.take(); signal != 0) return end(ConsoleEnd::interrupted, signal);
    if (resized_.take() != 0) process_.resize_like(STDIN_FILENO);
    if (fds[1].revents != 0) read_keys();
    if (ended_) return;
    if ((fds[0].revents & POLLOUT) != 0) type();
    if ((fds[0].revents & (POLLIN | POLLHUP | POLLERR)) != 0) show();
    // Last, so that what the machine said before it went off is shown.
    else if (fds[4].revents != 0)
      end(ConsoleEnd::machine_off, 0);
  }

  void read_keys() {
    std::array<char, 4096> keys;
    const ssize_t got = ::read(input_fd_, keys.data(), keys.size());
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) return;
    if (got <= 0) {
      input_fd_ = -1;
      return;
    }
    input_ += escape_.filter({keys.data(), static_cast<std::size_t>(got)});
    if (escape_.left()) end(ConsoleEnd::left, 0);
  }

  void type() {
    const ssize_t put = ::write(process_.fd(), input_.data(), input_.size());
    if (put > 0) input_.erase(0, static_cast<std::size_t>(put));
  }

  void show() {
    std::array<char, 16384> text;
    const ssize_t got = ::read(process_.fd(), text.data(), text.size());
    if (got < 0 && errno == EINTR) return;
    if (got <= 0) return finish();  // EIO: nobody has the other end any more
    const std::string_view said{text.data(), static_cast<std::size_t>(got)};
    output_.write(as_bytes(said));
    last_words_ += said;
    if (last_words_.size() > kLastWords) last_words_.erase(0, last_words_.size() - kLastWords);
  }

  void finish() {
    const int status = process_.wait();
    end(status == 0 ? ConsoleEnd::closed : ConsoleEnd::lost, status);
  }

  void end(ConsoleEnd how, int status) {
    result_.end = how;
    result_.status = status;
    ended_ = true;
  }

  static constexpr std::size_t kMostTyped = 64 << 10;
  static constexpr std::size_t kLastWords = 2048;

  RawTerminal terminal_;
  SteadyClock clock_;
  PtyProcess process_;
  SignalPipe& signals_;
  SignalPipe resized_{SIGWINCH};
  EscapeKeys escape_;
  FdSink output_{STDOUT_FILENO, "standard output"};
  int machine_ended_;
  int input_fd_ = STDIN_FILENO;
  std::string input_;  // typed, and not yet taken by the program
  std::string last_words_;
  bool ended_ = false;
  ConsoleResult result_;
};

std::string last_line(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) text.remove_suffix(1);
  const std::size_t begin = text.find_last_of("\r\n");
  return printable(begin == std::string_view::npos ? text : text.substr(begin + 1));
}

Error lost_console(const ConsoleProgram& program, const ConsoleResult& result) {
  const std::string said = last_line(result.last_words);
  return Error{"the serial console cannot be reached: ",
               program.arguments.front(),
               " ended with status ",
               result.status,
               said.empty() ? "" : ": ",
               said};
}

}  // namespace

RawTerminal::RawTerminal() : is_terminal_{::tcgetattr(STDIN_FILENO, &saved_) == 0} {
  if (!is_terminal_) return;
  termios raw = saved_;
  ::cfmakeraw(&raw);
  ::tcsetattr(STDIN_FILENO, TCSANOW, &raw);
}

RawTerminal::~RawTerminal() {
  if (is_terminal_) ::tcsetattr(STDIN_FILENO, TCSADRAIN, &saved_);
}

ConsoleResult run_console(const ConsoleProgram& program, SignalPipe& signals, int machine_ended) {
  return Relay{program, signals, machine_ended}.run();
}

int follow_console(const ConsoleProgram& program, SignalWaiter& waiter, int machine_ended, Reporter& reporter) {
  for (int failures = 0;;) {
    const ConsoleResult result = run_console(program, waiter.signals(), machine_ended);
    switch (result.end) {
      case ConsoleEnd::left:
        return 0;
      case ConsoleEnd::machine_off:
        reporter.info("the machine is off");
        return 0;
      case ConsoleEnd::interrupted:
        return 128 + result.status;
      case ConsoleEnd::closed:
        reporter.info("the console was closed from the other side");
        return 0;
      case ConsoleEnd::lost:
        break;
    }
    failures = result.lived ? 1 : failures + 1;
    if (failures == kFailuresInARow) throw lost_console(program, result);
    reporter.info(concat("no console (", last_line(result.last_words), "): trying again"));
    waiter.pause(kBetweenConnections);
  }
}

ConsoleProgram ssh_program(const SshConsole& console) {
  if (!find_program("ssh")) {
    throw Error{"the serial console needs the program 'ssh', which is missing"}.with_hint(
        "install the Debian package openssh-client, or do without: --console none");
  }
  if (console.host.empty() || console.host.front() == '-') {
    throw Error{"console host ", quote(console.host), ": expected a host name or address"};
  }
  // -tt: a terminal there, also if standard input here is none. Its own escape key is off: Kiln has the same.
  ConsoleProgram program{{"ssh", "-tt", "-e", "none", "-p", std::to_string(console.port)}, {}};
  for (const std::string& option : console.options) {
    program.arguments.insert(program.arguments.end(), {"-o", option});
  }
  program.arguments.insert(program.arguments.end(), {"-l", console.user, "--", console.host});
  if (!console.command.empty()) program.arguments.push_back(console.command);
  return program;
}

}  // namespace kiln::machine
