#include "machine/remote/pty_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>

#include "base/child_process.h"
#include "base/error.h"

extern char** environ;

namespace kiln::machine {
namespace {

struct Pty {
  UniqueFd ours;
  UniqueFd theirs;
};

Pty open_pty() {
  Pty pty{UniqueFd{::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)}, UniqueFd{}};
  if (!pty.ours || ::grantpt(pty.ours.get()) != 0 || ::unlockpt(pty.ours.get()) != 0) {
    throw SysError{errno, "opening a terminal for a program"};
  }
  std::array<char, 128> name{};
  if (::ptsname_r(pty.ours.get(), name.data(), name.size()) != 0) throw SysError{errno, "naming a terminal"};
  pty.theirs = UniqueFd{::open(name.data(), O_RDWR | O_NOCTTY | O_CLOEXEC)};
  if (!pty.theirs) throw SysError{errno, "opening ", quote(name.data())};
  return pty;
}

std::vector<std::string> merged_environment(const std::map<std::string, std::string>& added) {
  std::vector<std::string> merged;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text{*entry};
    if (!added.contains(text.substr(0, text.find('=')))) merged.push_back(text);
  }
  for (const auto& [name, value] : added) merged.push_back(concat(name, "=", value));
  return merged;
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

/// Only what is safe between fork and exec. Returns errno if it returns.
int become(const char* program, char* const* arguments, char* const* environment, int terminal, pid_t parent) {
  if (::prctl(PR_SET_PDEATHSIG, SIGHUP) != 0) return errno;
  if (::getppid() != parent) ::_exit(1);  // it died before the line above
  if (::setsid() < 0 || ::ioctl(terminal, TIOCSCTTY, 0) != 0) return errno;
  for (int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::dup2(terminal, fd) < 0) return errno;
  }
  ::execve(program, arguments, environment);
  return errno;
}

}  // namespace

PtyProcess::PtyProcess(const std::vector<std::string>& arguments,
                       const std::map<std::string, std::string>& environment) {
  const std::string program = find_program(arguments.front()).value_or(arguments.front());
  std::vector<std::string> argument_texts = arguments;
  std::vector<std::string> environment_texts = merged_environment(environment);
  const std::vector<char*> argument_pointers = pointers_to(argument_texts);
  const std::vector<char*> environment_pointers = pointers_to(environment_texts);
  Pty pty = open_pty();
  // exec closes the pipe; a failure comes through it.
  std::array<int, 2> fds{};
  if (::pipe2(fds.data(), O_CLOEXEC) != 0) throw SysError{errno, "creating a pipe"};
  UniqueFd read{fds[0]};
  UniqueFd write{fds[1]};
  const pid_t parent = ::getpid();
  pid_ = ::fork();
  if (pid_ < 0) throw SysError{errno, "starting ", quote(program)};
  if (pid_ == 0) {
    const int error =
        become(program.c_str(), argument_pointers.data(), environment_pointers.data(), pty.theirs.get(), parent);
    [[maybe_unused]] const auto ignored = ::write(write.get(), &error, sizeof error);
    ::_exit(127);
  }
  write.reset();
  fd_ = std::move(pty.ours);
  int error = 0;
  if (::read(read.get(), &error, sizeof error) == sizeof error) {
    wait();
    throw SysError{error, "starting ", quote(program)};
  }
}

PtyProcess::~PtyProcess() {
  if (pid_ < 0) return;
  hang_up();
  int status = 0;
  // A program that does not heed the hang-up is not waited for.
  constexpr int kTries = 20;
  constexpr useconds_t kBetween = 50'000;
  for (int i = 0; i < kTries; ++i) {
    if (::waitpid(pid_, &status, WNOHANG) != 0) return;
    ::usleep(kBetween);
  }
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, &status, 0);
}

void PtyProcess::resize_like(int terminal) {
  winsize size{};
  if (::ioctl(terminal, TIOCGWINSZ, &size) == 0) ::ioctl(fd_.get(), TIOCSWINSZ, &size);
}

int PtyProcess::wait() {
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0) {
    if (errno != EINTR) throw SysError{errno, "waiting for a program"};
  }
  pid_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void PtyProcess::hang_up() {
  if (pid_ > 0) ::kill(pid_, SIGHUP);
  fd_.reset();
}

}  // namespace kiln::machine
