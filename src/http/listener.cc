#include "http/listener.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "base/error.h"

namespace kiln::http {
namespace {

struct FreeAddresses {
  void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};
using Addresses = std::unique_ptr<addrinfo, FreeAddresses>;

Addresses resolve(const Endpoint& endpoint, int family) {
  addrinfo hints{};
  hints.ai_family = family;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* list = nullptr;
  const std::string port = std::to_string(endpoint.port);
  const char* host = endpoint.host.empty() ? nullptr : endpoint.host.c_str();
  if (const int error = ::getaddrinfo(host, port.c_str(), &hints, &list); error != 0) {
    throw Error{"listening on ", endpoint.to_string(), ": ", ::gai_strerror(error)}.with_hint(
        "give an address of this machine");
  }
  return Addresses{list};
}

void set_option(int socket, int level, int option, int value) {
  ::setsockopt(socket, level, option, &value, sizeof value);
}

std::string hint_for(int error_number) {
  switch (error_number) {
    case EADDRINUSE:
      return "another program listens there; end it or choose another port";
    case EACCES:
      return "ports below 1024 need root or the capability CAP_NET_BIND_SERVICE; choose a higher one";
    case EADDRNOTAVAIL:
      return "this machine does not have that address";
    default:
      return {};
  }
}

/// Nothing (and errno) if the system does not take it. Accepted sockets inherit the options.
UniqueFd listen_at(const addrinfo& address, bool both_families) {
  UniqueFd socket{::socket(address.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  if (!socket) return socket;
  set_option(socket.get(), SOL_SOCKET, SO_REUSEADDR, 1);
  set_option(socket.get(), IPPROTO_TCP, TCP_NODELAY, 1);
  if (address.ai_family == AF_INET6) set_option(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, both_families ? 0 : 1);
  const bool listening =
      ::bind(socket.get(), address.ai_addr, address.ai_addrlen) == 0 && ::listen(socket.get(), SOMAXCONN) == 0;
  if (listening) return socket;
  const int error_number = errno;
  socket.reset();
  errno = error_number;
  return socket;
}

std::uint16_t port_of(const UniqueFd& socket) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size);
  return Endpoint::of(reinterpret_cast<const sockaddr&>(address)).port;
}

[[noreturn]] void fail(const Endpoint& endpoint, int error_number) {
  throw SysError{error_number, "listening on ", endpoint.to_string()}.with_hint(hint_for(error_number));
}

/// One socket for IPv6 and IPv4; for IPv4 alone where the kernel has no IPv6.
Listener open_everywhere(const Endpoint& endpoint) {
  UniqueFd socket;
  if (const Addresses v6 = resolve(endpoint, AF_INET6)) socket = listen_at(*v6, true);
  if (!socket && (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL)) {
    socket = listen_at(*resolve(endpoint, AF_INET), false);
  }
  if (!socket) fail(endpoint, errno);
  const std::uint16_t port = port_of(socket);
  return {std::move(socket), {"", port}};
}

/// A name such as localhost may have addresses of both families, and one of these may be missing here.
void open_all(Endpoint endpoint, std::vector<Listener>& into) {
  const Addresses addresses = resolve(endpoint, AF_UNSPEC);
  const std::size_t before = into.size();
  int error_number = 0;
  for (addrinfo* address = addresses.get(); address != nullptr; address = address->ai_next) {
    if (endpoint.port != 0) {  // the second address gets the port that the first was given
      reinterpret_cast<sockaddr_in*>(address->ai_addr)->sin_port = htons(endpoint.port);
    }
    UniqueFd socket = listen_at(*address, false);
    if (!socket) {
      error_number = errno;
      if (error_number == EADDRINUSE || error_number == EACCES) fail(endpoint, error_number);
      continue;
    }
    endpoint.port = port_of(socket);
    into.push_back({std::move(socket), endpoint});
  }
  if (into.size() == before) fail(endpoint, error_number);
}

}  // namespace

std::vector<Listener> open_listeners(const std::vector<Endpoint>& wanted) {
  std::vector<Listener> listeners;
  for (const Endpoint& endpoint : wanted) {
    if (endpoint.host.empty()) {
      listeners.push_back(open_everywhere(endpoint));
    } else {
      open_all(endpoint, listeners);
    }
  }
  return listeners;
}

}  // namespace kiln::http
