#include "netboot/tftp/socket.h"

#include <arpa/inet.h>

#include <array>
#include <cstring>

#include "base/error.h"
#include "base/udp_port.h"

namespace kiln::tftp {
namespace {

constexpr std::uint32_t kUdpHeader = 8;
constexpr std::uint32_t kIpv4Header = 20;
constexpr std::uint32_t kIpv6Header = 40;
constexpr int kFallbackMtu = 1280;  // what every network of IPv6 can do

// The kernel takes a window at once, and many clients' acknowledgements while we are busy with others.
constexpr int kBuffers = 1 << 20;

SocketAddress ipv4(in_addr address, std::uint16_t port) {
  SocketAddress out;
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(port);
  v4.sin_addr = address;
  std::memcpy(&out.storage, &v4, sizeof v4);
  out.size = sizeof v4;
  return out;
}

SocketAddress ipv6(const in6_addr& address, std::uint16_t port, std::uint32_t scope) {
  if (IN6_IS_ADDR_V4MAPPED(&address)) {
    in_addr v4{};
    std::memcpy(&v4, address.s6_addr + 12, sizeof v4);
    return ipv4(v4, port);
  }
  SocketAddress out;
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port);
  v6.sin6_addr = address;
  // Only link-local addresses need to be told which link they are of.
  v6.sin6_scope_id = IN6_IS_ADDR_LINKLOCAL(&address) ? scope : 0;
  std::memcpy(&out.storage, &v6, sizeof v6);
  out.size = sizeof v6;
  return out;
}

void set_option(int fd, int level, int name, int value, const char* what) {
  if (::setsockopt(fd, level, name, &value, sizeof value) != 0) throw SysError{errno, "setting ", what};
}

void bind_to_interface(int fd, const std::string& interface) {
  if (interface.empty()) return;
  const auto size = static_cast<socklen_t>(interface.size() + 1);
  if (::setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, interface.c_str(), size) != 0) {
    throw SysError{errno, "binding a socket to interface ", quote(interface)};
  }
}

UniqueFd udp_socket(int family) { return UniqueFd{::socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)}; }

void enlarge_buffers(int fd) {
  // As far as net.core.*mem_max lets us; less only makes things slower.
  ::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &kBuffers, sizeof kBuffers);
  ::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &kBuffers, sizeof kBuffers);
}

Error cannot_listen(int error, const std::string& address, std::uint16_t port) {
  if (error == EADDRINUSE) {
    return Error{"UDP port ", port, " is taken by ", udp_port_holder(port)}.with_hint(
        "stop that TFTP server, or choose another port or address");
  }
  const SysError failed{error, "listening on UDP port ", port, address.empty() ? "" : " of " + address};
  if (error != EACCES && error != EPERM) return failed;
  return Error{failed}.with_hint("run as root, or with the capability NET_BIND_SERVICE");
}

SocketAddress parse_address(const std::string& text, std::uint16_t port) {
  in_addr v4{};
  if (::inet_pton(AF_INET, text.c_str(), &v4) == 1) return ipv4(v4, port);
  in6_addr v6{};
  if (::inet_pton(AF_INET6, text.c_str(), &v6) == 1) return ipv6(v6, port, 0);
  throw Error{"TFTP address ", quote(text), ": expected an IPv4 or IPv6 address"};
}

/// The address that a datagram was sent to.
void read_destination(msghdr& message, SocketAddress& to) {
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level == IPPROTO_IP && header->cmsg_type == IP_PKTINFO) {
      in_pktinfo info{};
      std::memcpy(&info, CMSG_DATA(header), sizeof info);
      to = ipv4(info.ipi_spec_dst, 0);  // ours, even if it was sent to a broadcast address
    }
    if (header->cmsg_level == IPPROTO_IPV6 && header->cmsg_type == IPV6_PKTINFO) {
      in6_pktinfo info{};
      std::memcpy(&info, CMSG_DATA(header), sizeof info);
      to = ipv6(info.ipi6_addr, 0, info.ipi6_ifindex);
    }
  }
}

}  // namespace

SocketAddress SocketAddress::of(const sockaddr_storage& storage) {
  if (storage.ss_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &storage, sizeof v6);
    return ipv6(v6.sin6_addr, ntohs(v6.sin6_port), v6.sin6_scope_id);
  }
  sockaddr_in v4{};
  std::memcpy(&v4, &storage, sizeof v4);
  return ipv4(v4.sin_addr, ntohs(v4.sin_port));
}

Peer SocketAddress::peer() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (family() == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &storage, sizeof v6);
    ::inet_ntop(AF_INET6, &v6.sin6_addr, text.data(), text.size());
    return {text.data(), ntohs(v6.sin6_port)};
  }
  sockaddr_in v4{};
  std::memcpy(&v4, &storage, sizeof v4);
  ::inet_ntop(AF_INET, &v4.sin_addr, text.data(), text.size());
  return {text.data(), ntohs(v4.sin_port)};
}

std::string Peer::to_string() const {
  const bool v6 = host.find(':') != host.npos;
  return concat(v6 ? "[" : "", host, v6 ? "]:" : ":", port);
}

UniqueFd listen_on(const std::string& address, std::uint16_t port, const std::string& interface) {
  // One socket for both families, if there is IPv6 at all.
  SocketAddress local = address.empty() ? ipv6(in6addr_any, port, 0) : parse_address(address, port);
  UniqueFd fd = udp_socket(local.family());
  if (!fd && address.empty()) {
    local = ipv4({htonl(INADDR_ANY)}, port);
    fd = udp_socket(AF_INET);
  }
  if (!fd) throw SysError{errno, "creating a UDP socket"};
  if (local.family() == AF_INET6) {
    set_option(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, address.empty() ? 0 : 1, "IPV6_V6ONLY");
    set_option(fd.get(), IPPROTO_IPV6, IPV6_RECVPKTINFO, 1, "IPV6_RECVPKTINFO");
  }
  if (local.family() == AF_INET || address.empty()) {
    set_option(fd.get(), IPPROTO_IP, IP_PKTINFO, 1, "IP_PKTINFO");
  }
  bind_to_interface(fd.get(), interface);
  enlarge_buffers(fd.get());
  if (::bind(fd.get(), local.get(), local.size) != 0) throw cannot_listen(errno, address, port);
  return fd;
}

std::uint16_t port_of(int fd) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &size) != 0) {
    throw SysError{errno, "asking for a socket's port"};
  }
  return SocketAddress::of(storage).peer().port;
}

bool receive(int fd, MutableBytes into, Received& received) {
  sockaddr_storage from{};
  iovec data{into.data(), into.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(in6_pktinfo)) + CMSG_SPACE(sizeof(in_pktinfo))> control{};
  msghdr message{};
  message.msg_name = &from;
  message.msg_namelen = sizeof from;
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  ssize_t got = -1;
  do {
    got = ::recvmsg(fd, &message, 0);
  } while (got < 0 && errno == EINTR);
  if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return false;
  if (got < 0) throw SysError{errno, "receiving a request"};
  received.size = static_cast<std::size_t>(got);
  received.from = SocketAddress::of(from);
  read_destination(message, received.to);
  return true;
}

UniqueFd connect_back(const Received& received, const std::string& interface) {
  UniqueFd fd = udp_socket(received.from.family());
  if (!fd) throw SysError{errno, "creating a UDP socket"};
  bind_to_interface(fd.get(), interface);
  enlarge_buffers(fd.get());
  if (received.to.size > 0 && received.to.family() == received.from.family() &&
      ::bind(fd.get(), received.to.get(), received.to.size) != 0) {
    throw SysError{errno, "binding to ", received.to.peer().host};
  }
  if (::connect(fd.get(), received.from.get(), received.from.size) != 0) {
    throw SysError{errno, "answering ", received.from.peer().to_string()};
  }
  return fd;
}

std::uint32_t largest_payload(int fd, int family) {
  int mtu = 0;
  socklen_t size = sizeof mtu;
  const bool v6 = family == AF_INET6;
  const int got = ::getsockopt(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_MTU : IP_MTU, &mtu, &size);
  if (got != 0 || mtu < 576) mtu = kFallbackMtu;
  return static_cast<std::uint32_t>(mtu) - (v6 ? kIpv6Header : kIpv4Header) - kUdpHeader;
}

}  // namespace kiln::tftp
