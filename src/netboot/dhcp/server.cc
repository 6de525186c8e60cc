#include "netboot/dhcp/server.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstring>

#include "base/error.h"
#include "base/event_loop.h"
#include "base/udp_port.h"
#include "base/unique_fd.h"

namespace kiln::dhcp {
namespace {

/// How many datagrams are taken from a socket before others get their turn.
constexpr int kAtOnce = 64;

Ipv4Address address_of(const sockaddr* address) {
  sockaddr_in v4{};
  std::memcpy(&v4, address, sizeof v4);
  return {ntohl(v4.sin_addr.s_addr)};
}

sockaddr_in to_sockaddr(Ipv4Address address, std::uint16_t port) {
  sockaddr_in out{};
  out.sin_family = AF_INET;
  out.sin_port = htons(port);
  out.sin_addr.s_addr = htonl(address.value);
  return out;
}

struct FreeInterfaces {
  void operator()(ifaddrs* list) const { ::freeifaddrs(list); }
};

void set_option(int fd, int level, int name, int value, const char* what) {
  if (::setsockopt(fd, level, name, &value, sizeof value) != 0) throw SysError{errno, "setting ", what};
}

Error cannot_listen(int error, std::uint16_t port, const std::string& interface) {
  if (error == EADDRINUSE) {
    return Error{"UDP port ", port, " is taken by ", udp_port_holder(port)}.with_hint(
        "two DHCP servers cannot share one machine's port: stop that one, or have it tell machines to boot from here");
  }
  SysError failed{error, "listening on UDP port ", port, " of ", quote(interface)};
  if (error != EACCES && error != EPERM) return failed;
  return Error{failed}.with_hint("run as root, or with the capabilities NET_BIND_SERVICE and NET_RAW");
}

/// Bound to one interface. Without SO_REUSEADDR: with it, two servers would share a port without either knowing.
UniqueFd listen_on(const std::string& interface, std::uint16_t port) {
  UniqueFd fd{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  if (!fd) throw SysError{errno, "creating a UDP socket"};
  if (::setsockopt(fd.get(), SOL_SOCKET, SO_BINDTODEVICE, interface.c_str(),
                   static_cast<socklen_t>(interface.size() + 1)) != 0) {
    throw cannot_listen(errno, port, interface);
  }
  set_option(fd.get(), SOL_SOCKET, SO_BROADCAST, 1, "SO_BROADCAST");
  const sockaddr_in any = to_sockaddr({}, port);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&any), sizeof any) != 0) {
    throw cannot_listen(errno, port, interface);
  }
  return fd;
}

}  // namespace

InterfaceAddress interface_address(const std::string& interface) {
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) throw SysError{errno, "listing network interfaces"};
  const std::unique_ptr<ifaddrs, FreeInterfaces> owner{list};
  std::string others;
  for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
    if (entry->ifa_addr == nullptr || entry->ifa_addr->sa_family != AF_INET || entry->ifa_netmask == nullptr) continue;
    const Ipv4Address address = address_of(entry->ifa_addr);
    if (entry->ifa_name == interface) return {address, address_of(entry->ifa_netmask)};
    others += concat(others.empty() ? "" : ", ", entry->ifa_name, " (", address.to_string(), ")");
  }
  const bool exists = ::if_nametoindex(interface.c_str()) != 0;
  const char* problem = exists ? " has no IPv4 address" : " does not exist";
  throw Error{"network interface ", quote(interface), problem}.with_hint(
      others.empty() ? "no interface has an IPv4 address" : "interfaces with an IPv4 address: " + others);
}

class Server::State {
 public:
  State(EventLoop& loop, ServerOptions options, ChooseBoot choose_boot, Observer& observer)
      : loop_{loop},
        observer_{observer},
        options_{complete(std::move(options))},
        responder_{options_.responder, std::move(choose_boot)},
        interface_index_{::if_nametoindex(options_.interface.c_str())},
        server_socket_{listen_on(options_.interface, options_.server_port)},
        boot_socket_{listen_on(options_.interface, options_.boot_server_port)} {
    watch(server_socket_, 67);
    watch(boot_socket_, 4011);
  }
  ~State() {
    loop_.forget(server_socket_.get());
    loop_.forget(boot_socket_.get());
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  const Responder& responder() const { return responder_; }
  std::chrono::nanoseconds now() const { return loop_.clock().now(); }

 private:
  static ServerOptions complete(ServerOptions options);
  void watch(const UniqueFd& socket, std::uint16_t port) {
    loop_.watch(socket.get(), EventLoop::kReadable, [this, &socket, port](std::uint32_t) { on_ready(socket, port); });
  }
  void on_ready(const UniqueFd& socket, std::uint16_t port);
  void on_datagram(Bytes datagram, const UniqueFd& socket, std::uint16_t port, const Destination& source);
  void send(const Responder::Reply& reply, const UniqueFd& socket);
  std::uint16_t real_port(std::uint16_t port) const;

  EventLoop& loop_;
  Observer& observer_;
  const ServerOptions options_;
  Responder responder_;
  const unsigned interface_index_;
  UniqueFd server_socket_;
  UniqueFd boot_socket_;
  std::array<std::byte, 64 << 10> buffer_{};
};

ServerOptions Server::State::complete(ServerOptions options) {
  const InterfaceAddress found = interface_address(options.interface);
  if (options.responder.server.is_none()) options.responder.server = found.address;
  auto& leases = options.responder.leases;
  if (leases && leases->netmask.is_none()) leases->netmask = found.netmask;
  return options;
}

void Server::State::on_ready(const UniqueFd& socket, std::uint16_t port) {
  for (int i = 0; i < kAtOnce; ++i) {
    sockaddr_in from{};
    socklen_t size = sizeof from;
    const ssize_t got =
        ::recvfrom(socket.get(), buffer_.data(), buffer_.size(), 0, reinterpret_cast<sockaddr*>(&from), &size);
    if (got < 0) {
      // Other errors are those of earlier replies ("port unreachable"), told once each.
      if (errno == EAGAIN || errno == EWOULDBLOCK) return;
      if (errno != EINTR) observer_.on_trouble(SysError{errno, "receiving on UDP port ", port}.message());
      continue;
    }
    const Destination source{{ntohl(from.sin_addr.s_addr)}, ntohs(from.sin_port)};
    on_datagram(Bytes{buffer_}.first(static_cast<std::size_t>(got)), socket, port, source);
  }
}

void Server::State::on_datagram(Bytes datagram, const UniqueFd& socket, std::uint16_t port, const Destination& source) {
  try {
    const Packet packet = Packet::parse(datagram);
    const Responder::Result result = responder_.respond({packet, port, source}, now());
    if (result.reply) send(*result.reply, socket);
    observer_.on_event(result.event);
  } catch (const Error& error) {
    observer_.on_trouble(
        concat("datagram from ", source.address.to_string(), " on UDP port ", port, ": ", error.message()));
  }
}

/// With our address as source even where the interface has several: clients compare it with the server identifier.
void Server::State::send(const Responder::Reply& reply, const UniqueFd& socket) {
  std::string datagram = reply.packet.serialize(reply.most);
  sockaddr_in to = to_sockaddr(reply.destination.address, real_port(reply.destination.port));
  iovec data{datagram.data(), datagram.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(in_pktinfo))> control{};
  msghdr message{};
  message.msg_name = &to;
  message.msg_namelen = sizeof to;
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = IPPROTO_IP;
  header->cmsg_type = IP_PKTINFO;
  header->cmsg_len = CMSG_LEN(sizeof(in_pktinfo));
  in_pktinfo info{};
  info.ipi_ifindex = static_cast<int>(interface_index_);
  info.ipi_spec_dst.s_addr = htonl(responder_.options().server.value);
  std::memcpy(CMSG_DATA(header), &info, sizeof info);
  if (::sendmsg(socket.get(), &message, 0) < 0) {
    throw SysError{errno, "sending a reply to ", reply.destination.address.to_string()};
  }
}

/// The responder speaks of the registered ports; tests have others.
std::uint16_t Server::State::real_port(std::uint16_t port) const {
  return port == 67 ? options_.server_port : port == 68 ? options_.client_port : port;
}

Server::Server(EventLoop& loop, ServerOptions options, ChooseBoot choose_boot, Observer& observer)
    : state_{std::make_unique<State>(loop, std::move(options), std::move(choose_boot), observer)} {}

Server::~Server() = default;

Ipv4Address Server::address() const { return state_->responder().options().server; }

std::vector<LeaseTable::Lease> Server::leases() const { return state_->responder().leases(state_->now()); }

}  // namespace kiln::dhcp
