#include "applets/host.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/file.h"
#include "supervise/control.h"

namespace guest {

Errno ask_init(std::string_view request, std::string& answer) {
  UniqueFd fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  if (!fd) return Errno::last();
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, kControlSocket, sizeof kControlSocket);
  if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return Errno::last();
  std::string line{request};
  line += '\n';
  if (::send(fd.get(), line.data(), line.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(line.size()))
    return Errno::last();
  answer.clear();
  char chunk[4096];
  while (true) {
    ssize_t got = ::read(fd.get(), chunk, sizeof chunk);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Errno::last();
    if (got == 0) return answer.empty() ? Errno{EPIPE} : Errno{};
    answer.append(chunk, static_cast<std::size_t>(got));
  }
}

bool sees_system_init() { return ::getpid() != 1 && read_value("/proc/1/comm") == "init"; }

Errno enter_host() {
  struct stat ours;
  struct stat theirs;
  if (::stat("/proc/self/ns/mnt", &ours) != 0 || ::stat("/proc/1/ns/mnt", &theirs) != 0) return Errno::last();
  if (ours.st_ino == theirs.st_ino) return {};
  UniqueFd mounts{::open("/proc/1/ns/mnt", O_RDONLY | O_CLOEXEC)};
  UniqueFd root{::open("/proc/1/root", O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!mounts || !root) return Errno::last();
  if (::setns(mounts.get(), CLONE_NEWNS) != 0) return Errno::last();
  // setns puts us at the namespace's topmost root, which the initramfs has mounted over; PID 1's own root is the one.
  if (::fchdir(root.get()) != 0 || ::chroot(".") != 0) return Errno::last();
  return Errno::of(::chdir("/"));
}

}  // namespace guest
