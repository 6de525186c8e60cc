#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>

#include "base/error.h"
#include "base/file.h"
#include "base/signal_pipe.h"
#include "machine/ending.h"
#include "machine/qemu.h"
#include "machine/qemu_process.h"

namespace kiln::machine {
namespace {

using namespace std::chrono_literals;

/// A guest that is asked to power off while it still boots does not hear it, so it is asked again.
constexpr std::chrono::nanoseconds kBetweenRequests = 3s;
constexpr std::chrono::nanoseconds kPatience = 60s;

/// QEMU makes the terminal raw and standard input non-blocking, and restores both at its end, unless it is killed.
class TerminalState {
 public:
  TerminalState() : flags_{::fcntl(STDIN_FILENO, F_GETFL)}, is_terminal_{::tcgetattr(STDIN_FILENO, &settings_) == 0} {}
  ~TerminalState() {
    if (is_terminal_) ::tcsetattr(STDIN_FILENO, TCSANOW, &settings_);
    if (flags_ >= 0) ::fcntl(STDIN_FILENO, F_SETFL, flags_);
  }
  TerminalState(const TerminalState&) = delete;
  TerminalState& operator=(const TerminalState&) = delete;

 private:
  termios settings_{};
  int flags_;
  bool is_terminal_;
};

struct SocketPair {
  UniqueFd ours;
  UniqueFd theirs;
};

SocketPair make_sockets() {
  std::array<int, 2> fds{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds.data()) != 0) throw SysError{errno, "creating a socket"};
  return {UniqueFd{fds[0]}, UniqueFd{fds[1]}};
}

/// The last of what the guest printed; empty if it cannot be read.
std::string console_tail(const std::filesystem::path& log) {
  constexpr off_t kTail = 16 << 10;
  UniqueFd fd{::open(log.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!fd) return {};
  const off_t size = ::lseek(fd.get(), 0, SEEK_END);
  std::string text(static_cast<std::size_t>(std::min(std::max<off_t>(size, 0), kTail)), '\0');
  const ssize_t got = ::pread(fd.get(), text.data(), text.size(), size - static_cast<off_t>(text.size()));
  text.resize(static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  return text;
}

/// Follows a running QEMU to its end.
class Supervisor {
 public:
  Supervisor(Qmp& qmp, const Machine& machine, const Clock& clock, Reporter& reporter)
      : qmp_{qmp}, machine_{machine}, clock_{clock}, reporter_{reporter} {}

  void follow() {
    for (;;) {
      std::array<pollfd, 2> fds{{{qmp_.fd(), POLLIN, 0}, {signals_.fd(), POLLIN, 0}}};
      if (::poll(fds.data(), fds.size(), poll_milliseconds()) < 0 && errno != EINTR) {
        throw SysError{errno, "waiting for QEMU"};
      }
      if (fds[0].revents != 0 && !qmp_.receive()) return;
      while (const std::optional<QmpMessage> message = qmp_.next()) handle(*message);
      while (signals_.take() != 0) request_end();
      keep_asking();
    }
  }

  Ending ending() const { return ending_; }
  bool greeted() const { return greeted_; }

 private:
  int poll_milliseconds() const { return asked_since_ ? 500 : -1; }

  void handle(const QmpMessage& message) {
    if (message.kind == QmpMessage::Kind::greeting) {
      greeted_ = true;
      qmp_.negotiate();
    }
    // Nobody pauses a machine: if it stops, then on something it cannot go on from.
    if (message.kind == QmpMessage::Kind::event && message.text == "STOP") qmp_.ask_status();
    if (message.reason == "internal-error" || message.reason == "io-error") fail(message.reason);
    if (message.kind == QmpMessage::Kind::error) reporter_.warning(concat("QEMU: ", message.text));
    if (ending_ != Ending::running) return;
    ending_ = ending_after(message, [this] { return console_tail(machine_.console_log); });
    if (ending_ == Ending::panicked) qmp_.quit();
  }

  [[noreturn]] void fail(std::string_view status) const {
    if (status == "io-error") throw Error{"the machine stopped: a disk of it cannot be read or written on this host"};
    Error error{"the machine stopped: QEMU has an internal error (", quote(machine_.accelerator), ")"};
    if (!machine_.accelerator.starts_with("kvm")) throw error;
    throw std::move(error).with_hint("KVM does not work well here: emulate with --accel tcg");
  }

  void request_end() {
    if (asked_since_) return unplug();
    asked_since_ = last_asked_ = clock_.now();
    qmp_.press_power_button(machine_.model->has_acpi);
    reporter_.info("asked the guest to power off; once more pulls the plug");
  }

  void keep_asking() {
    if (!asked_since_ || ending_ != Ending::running) return;
    if (clock_.now() - *asked_since_ > kPatience) return unplug();
    if (clock_.now() - last_asked_ < kBetweenRequests) return;
    last_asked_ = clock_.now();
    qmp_.press_power_button(machine_.model->has_acpi);
  }

  void unplug() {
    if (ending_ == Ending::running) ending_ = Ending::unplugged;
    qmp_.quit();
  }

  Qmp& qmp_;
  const Machine& machine_;
  const Clock& clock_;
  Reporter& reporter_;
  SignalPipe signals_{SIGINT, SIGTERM, SIGHUP};
  Ending ending_ = Ending::running;
  bool greeted_ = false;
  std::optional<std::chrono::nanoseconds> asked_since_;
  std::chrono::nanoseconds last_asked_{};
};

}  // namespace

int run_machine(const PreparedMachine& prepared, const Clock& clock, Reporter& reporter) {
  Machine machine = prepared.machine;
  SocketPair sockets = make_sockets();
  machine.qmp_fd = sockets.theirs.get();
  Qmp qmp{std::move(sockets.ours)};
  TerminalState terminal;
  std::vector<std::unique_ptr<ShareServer>> servers;
  for (const Share& share : machine.shares) {
    servers.push_back(std::make_unique<ShareServer>(prepared.virtiofsd, share));
  }
  Supervisor supervisor{qmp, machine, clock, reporter};
  QemuProcess process{prepared.program, qemu_arguments(machine), machine.qmp_fd,
                      machine.console != Machine::Console::terminal};
  sockets.theirs.reset();
  supervisor.follow();
  const int status = process.wait();
  // Ctrl-A X makes older QEMUs exit without a word, with status 0.
  if (supervisor.ending() != Ending::running) return exit_status(supervisor.ending());
  if (supervisor.greeted() && status == 0) return exit_status(Ending::unplugged);
  throw Error{"QEMU ended with status ", status}.with_hint(
      "what it said stands above; --verbose shows how it was called");
}

}  // namespace kiln::machine
