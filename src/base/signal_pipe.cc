#include "base/signal_pipe.h"

#include <fcntl.h>

#include <array>
#include <atomic>
#include <cerrno>

#include "base/error.h"

namespace kiln {
namespace {

// Where each signal goes: a descriptor plus 1, or 0. Lock-free atomics are what a signal handler may touch.
std::array<std::atomic<int>, 65> targets;

void forward(int signal) {
  const int saved_errno = errno;
  const auto byte = static_cast<unsigned char>(signal);
  const int fd = targets[static_cast<std::size_t>(signal)] - 1;
  // A full pipe already tells the reader enough.
  if (fd >= 0) [[maybe_unused]]
    const auto ignored = ::write(fd, &byte, 1);
  errno = saved_errno;
}

}  // namespace

SignalPipe::SignalPipe(std::initializer_list<int> signals) {
  std::array<int, 2> fds{};
  if (::pipe2(fds.data(), O_CLOEXEC | O_NONBLOCK) != 0) throw SysError{errno, "creating a pipe for signals"};
  read_ = UniqueFd{fds[0]};
  write_ = UniqueFd{fds[1]};
  struct sigaction action = {};
  action.sa_handler = forward;
  action.sa_flags = SA_RESTART;
  for (int signal : signals) {
    Saved saved{signal, targets[static_cast<std::size_t>(signal)].exchange(write_.get() + 1), {}};
    ::sigaction(signal, &action, &saved.previous);
    saved_.push_back(saved);
  }
}

SignalPipe::~SignalPipe() {
  for (auto saved = saved_.rbegin(); saved != saved_.rend(); ++saved) {
    ::sigaction(saved->signal, &saved->previous, nullptr);
    targets[static_cast<std::size_t>(saved->signal)] = saved->previous_target;
  }
}

int SignalPipe::take() {
  unsigned char byte = 0;
  return ::read(read_.get(), &byte, 1) == 1 ? byte : 0;
}

}  // namespace kiln
