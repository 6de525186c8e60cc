#include "modules/uevent.h"

#include <linux/netlink.h>
#include <sys/socket.h>

namespace guest {

std::string_view added_modalias(std::string_view message) {
  constexpr std::string_view kAdd = "add@";
  constexpr std::string_view kKey = "MODALIAS=";
  if (message.substr(0, kAdd.size()) != kAdd) return {};
  while (!message.empty()) {
    std::size_t end = message.find('\0');
    std::string_view field = message.substr(0, end);
    if (field.substr(0, kKey.size()) == kKey) return field.substr(kKey.size());
    message.remove_prefix(end == std::string_view::npos ? message.size() : end + 1);
  }
  return {};
}

Errno UeventSocket::open() {
  fd_ = UniqueFd{::socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT)};
  if (!fd_) return Errno::last();
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = 1;  // the kernel's own messages; group 2 is udev's
  return Errno::of(::bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address));
}

std::vector<std::string> UeventSocket::read_aliases(bool& overrun) {
  std::vector<std::string> aliases;
  char message[8192];
  while (true) {
    sockaddr_nl sender{};
    socklen_t size = sizeof sender;
    ssize_t got = ::recvfrom(fd_.get(), message, sizeof message, 0, reinterpret_cast<sockaddr*>(&sender), &size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == ENOBUFS) {
      overrun = true;
      continue;
    }
    if (got <= 0) return aliases;
    if (sender.nl_pid != 0) continue;  // only the kernel's word counts
    std::string_view alias = added_modalias({message, static_cast<std::size_t>(got)});
    if (!alias.empty()) aliases.emplace_back(alias);
  }
}

}  // namespace guest
