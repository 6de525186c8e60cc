#include "container/zygote.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cstring>

#include "base/text.h"
#include "container/zygote_protocol.h"

// zygote_library.S
extern "C" const char guest_zygote_library[];  // NOLINT(modernize-avoid-c-arrays): of a size the next line tells
extern "C" const std::uint64_t guest_zygote_library_size;

namespace guest {
namespace {

constexpr timeval kPatience{5, 0};

UniqueFd library_in_memory() {
  UniqueFd file{::memfd_create("zygote", MFD_CLOEXEC)};
  const auto size = static_cast<std::size_t>(guest_zygote_library_size);
  if (!file || ::write(file.get(), guest_zygote_library, size) != static_cast<ssize_t>(size)) return {};
  return file;
}

/// The same out of the way of those that the zygote has by number.
UniqueFd moved_up(UniqueFd descriptor) {
  return UniqueFd{::fcntl(descriptor.get(), F_DUPFD_CLOEXEC, kZygoteLibrary + 1)};
}

}  // namespace

Errno Zygote::start(const Command& command) {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) return Errno::last();
  UniqueFd ours{ends[0]};
  UniqueFd theirs = moved_up(UniqueFd{ends[1]});
  UniqueFd library = moved_up(library_in_memory());
  if (!theirs || !library) return Errno::last();
  if (::setsockopt(ours.get(), SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof kPatience) != 0) return Errno::last();
  Command zygote = command;
  zygote.environment.push_back(format("LD_PRELOAD=/proc/self/fd/%d", kZygoteLibrary));
  zygote.inherited = {{theirs.get(), kZygoteSocket}, {library.get(), kZygoteLibrary}};
  pid_t pid = 0;
  if (Errno error = guest::spawn(zygote, pid); error.failed()) return error;
  process_ = UniqueFd{static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))};
  socket_ = std::move(ours);
  argument_count_ = command.args.size();
  ready_ = false;
  return {};
}

Errno Zygote::spawn(const Command& command, pid_t& pid) {
  if (!takes(command)) return Errno{EINVAL};
  int number = 0;
  Errno error = ask(command);
  if (!error.failed() && !ready_) error = read_answer(number);
  ready_ = true;
  if (!error.failed()) error = read_answer(number);
  if (!error.failed() && number < 0) error = Errno{-number};
  if (error.failed()) {
    ::syscall(SYS_pidfd_send_signal, process_.get(), SIGKILL, nullptr, 0);
    stop();
    return error;
  }
  pid = number;
  return {};
}

Errno Zygote::ask(const Command& command) {
  std::string text;
  for (const std::string& argument : command.args) text.append(argument.c_str(), argument.size() + 1);
  if (text.size() > kZygoteRequestSize) return Errno{E2BIG};
  UniqueFd null;
  std::array<int, 3> standard = {command.input, command.output, command.error};
  for (int& descriptor : standard) {
    if (descriptor >= 0) continue;
    if (!null) null = UniqueFd{::open("/dev/null", O_RDWR | O_CLOEXEC)};
    if (!null) return Errno::last();
    descriptor = null.get();
  }
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof standard)> control{};
  iovec data{text.data(), text.size()};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  cmsghdr* rights = CMSG_FIRSTHDR(&message);
  rights->cmsg_level = SOL_SOCKET;
  rights->cmsg_type = SCM_RIGHTS;
  rights->cmsg_len = CMSG_LEN(sizeof standard);
  std::memcpy(CMSG_DATA(rights), standard.data(), sizeof standard);
  return Errno::of(static_cast<int>(::sendmsg(socket_.get(), &message, MSG_NOSIGNAL)));
}

Errno Zygote::read_answer(int& number) {
  ZygoteAnswer answer = 0;
  ssize_t got = ::recv(socket_.get(), &answer, sizeof answer, 0);
  if (got < 0) return Errno::last();
  if (got != sizeof answer) return Errno{ESRCH};
  number = answer;
  return {};
}

}  // namespace guest
