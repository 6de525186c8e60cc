#include "machine/qemu_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "base/error.h"
#include "base/unique_fd.h"

namespace kiln::machine {
namespace {

/// Only what is safe between fork and exec. Returns errno if it returns.
int become(char* const* arguments, int kept_fd, bool own_group, pid_t parent) {
  // SIGTERM, not SIGKILL: QEMU then writes back its disks and restores the terminal.
  if (::prctl(PR_SET_PDEATHSIG, SIGTERM) != 0) return errno;
  if (::getppid() != parent) ::_exit(1);  // it died before the line above
  if (own_group) ::setpgid(0, 0);
  if (::fcntl(kept_fd, F_SETFD, 0) != 0) return errno;
  ::execv(arguments[0], arguments);
  return errno;
}

}  // namespace

QemuProcess::QemuProcess(const std::string& program, std::vector<std::string> arguments, int kept_fd, bool own_group) {
  arguments.insert(arguments.begin(), program);
  std::vector<char*> pointers;
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  // exec closes the pipe; a failure comes through it.
  int fds[2];
  if (::pipe2(fds, O_CLOEXEC) != 0) throw SysError{errno, "creating a pipe"};
  UniqueFd read{fds[0]};
  UniqueFd write{fds[1]};
  const pid_t parent = ::getpid();
  pid_ = ::fork();
  if (pid_ < 0) throw SysError{errno, "starting ", quote(program)};
  if (pid_ == 0) {
    const int error = become(pointers.data(), kept_fd, own_group, parent);
    [[maybe_unused]] const auto ignored = ::write(write.get(), &error, sizeof error);
    ::_exit(127);
  }
  write.reset();
  int error = 0;
  if (::read(read.get(), &error, sizeof error) == sizeof error) {
    wait();
    throw SysError{error, "starting ", quote(program)};
  }
}

QemuProcess::~QemuProcess() {
  if (pid_ < 0) return;
  kill();
  ::waitpid(pid_, nullptr, 0);
}

int QemuProcess::wait() {
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0) {
    if (errno != EINTR) throw SysError{errno, "waiting for QEMU"};
  }
  pid_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void QemuProcess::kill() {
  if (pid_ > 0) ::kill(pid_, SIGKILL);
}

}  // namespace kiln::machine
