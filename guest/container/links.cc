#include "container/links.h"

#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sched.h>
#include <sys/socket.h>

#include <cstdint>
#include <cstring>
#include <string_view>

#include "base/errno.h"
#include "base/text.h"
#include "base/unique_fd.h"

namespace guest {
namespace {

/// Builds one RTM_NEWLINK request: header, ifinfomsg, attributes, nested ones closed in order (netlink(7)).
class LinkRequest {
 public:
  LinkRequest(int index, unsigned flags) {
    nlmsghdr header{};
    header.nlmsg_type = RTM_NEWLINK;
    header.nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | NLM_F_ACK | flags);
    append(&header, sizeof header);
    append_link(index);
  }

  void append_link(int index) {
    ifinfomsg link{};
    link.ifi_family = AF_UNSPEC;
    link.ifi_index = index;
    append(&link, sizeof link);
  }

  void add(unsigned short type, const void* data, std::size_t size) {
    std::size_t start = open(type);
    append(data, size);
    close(start);
  }
  void add(unsigned short type, const std::string& text) { add(type, text.c_str(), text.size() + 1); }
  void add(unsigned short type, std::uint32_t number) { add(type, &number, sizeof number); }

  std::size_t open(unsigned short type) {
    std::size_t start = bytes_.size();
    rtattr attribute{0, type};
    append(&attribute, sizeof attribute);
    return start;
  }
  void close(std::size_t start) {
    auto length = static_cast<unsigned short>(bytes_.size() - start);
    std::memcpy(bytes_.data() + start, &length, sizeof length);
    bytes_.resize(NLMSG_ALIGN(bytes_.size()));
  }

  std::string_view finish() {
    auto length = static_cast<std::uint32_t>(bytes_.size());
    std::memcpy(bytes_.data(), &length, sizeof length);
    return bytes_;
  }

 private:
  void append(const void* data, std::size_t size) {
    bytes_.append(static_cast<const char*>(data), size);
    bytes_.resize(NLMSG_ALIGN(bytes_.size()));
  }
  std::string bytes_;
};

Errno talk(LinkRequest& request) {
  UniqueFd socket{::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE)};
  if (!socket) return Errno::last();
  std::string_view bytes = request.finish();
  if (::send(socket.get(), bytes.data(), bytes.size(), 0) < 0) return Errno::last();
  alignas(nlmsghdr) char reply[4096];
  ssize_t got = ::recv(socket.get(), reply, sizeof reply, 0);
  if (got < 0) return Errno::last();
  if (static_cast<std::size_t>(got) < NLMSG_LENGTH(sizeof(nlmsgerr))) return Errno{EPROTO};
  nlmsgerr answer;
  std::memcpy(&answer, NLMSG_DATA(reinterpret_cast<nlmsghdr*>(reply)), sizeof answer);
  return Errno{-answer.error};
}

Errno move_link(const std::string& name, pid_t pid) {
  unsigned index = ::if_nametoindex(name.c_str());
  if (index == 0) return Errno::last();
  LinkRequest request{static_cast<int>(index), 0};
  request.add(IFLA_NET_NS_PID, static_cast<std::uint32_t>(pid));
  return talk(request);
}

/// Creates a link in the caller's network namespace.
Errno create_link(const RuntimeInterface& interface) {
  LinkRequest request{0, NLM_F_CREATE | NLM_F_EXCL};
  request.add(IFLA_IFNAME, interface.name);
  std::size_t info = request.open(IFLA_LINKINFO);
  request.add(IFLA_INFO_KIND, interface.add);
  if (interface.add == "veth") {
    std::size_t data = request.open(IFLA_INFO_DATA);
    std::size_t peer = request.open(VETH_INFO_PEER);
    request.append_link(0);
    request.add(IFLA_IFNAME, interface.peer);
    request.close(peer);
    request.close(data);
  }
  request.close(info);
  return talk(request);
}

Errno create_inside(const RuntimeInterface& interface, pid_t pid) {
  UniqueFd home{::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC)};
  UniqueFd theirs{::open(format("/proc/%d/ns/net", pid).c_str(), O_RDONLY | O_CLOEXEC)};
  if (!home || !theirs) return Errno::last();
  if (::setns(theirs.get(), CLONE_NEWNET) != 0) return Errno::last();
  Errno result = create_link(interface);
  if (::setns(home.get(), CLONE_NEWNET) != 0) return Errno::last();
  return result;
}

}  // namespace

std::string give_interface(pid_t pid, const RuntimeInterface& wanted) {
  RuntimeInterface interface = wanted;
  if (interface.name.empty()) return "an interface without a name";
  if (interface.add.empty() && !interface.peer.empty()) interface.add = "veth";
  if (interface.add == "veth" && interface.peer.empty()) {
    return format("interface '%s': a veth needs a peer", printable(interface.name).c_str());
  }
  Errno error;
  if (interface.add.empty()) {
    error = move_link(interface.name, pid);
  } else if (interface.add == "veth" || interface.create_in_root) {
    error = create_link(interface);
    if (!error.failed()) error = move_link(interface.name, pid);
  } else {
    error = create_inside(interface, pid);
  }
  if (!error.failed()) return {};
  return format("interface '%s'%s%s: %s", printable(interface.name).c_str(), interface.add.empty() ? "" : " of kind ",
                printable(interface.add).c_str(), error.text());
}

}  // namespace guest
