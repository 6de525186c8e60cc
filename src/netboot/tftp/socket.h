#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <string>

#include "base/bytes.h"
#include "base/unique_fd.h"
#include "netboot/tftp/observer.h"

namespace kiln::tftp {

// Internal to this folder: UDP sockets of both families.

/// An address and port of either family. IPv4 seen through an IPv6 socket is made plain IPv4.
struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;

  static SocketAddress of(const sockaddr_storage& storage);
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  int family() const { return storage.ss_family; }
  Peer peer() const;
  /// Address and port, to find it again by.
  std::string key() const { return {reinterpret_cast<const char*>(&storage), size}; }
};

/// Throws Error, with who has the port if it is taken.
UniqueFd listen_on(const std::string& address, std::uint16_t port, const std::string& interface);
std::uint16_t port_of(int fd);

/// A datagram that came to the listening socket, where from, and to which address of ours.
struct Received {
  std::size_t size = 0;
  SocketAddress from;
  SocketAddress to;  ///< port 0
};
/// False if there is none. Throws SysError.
bool receive(int fd, MutableBytes into, Received& received);

/// A socket of its own for a transfer: from the address that was asked (firmware takes answers from no other), from a
/// free port, to the client. Throws SysError.
UniqueFd connect_back(const Received& received, const std::string& interface);

/// What fits unfragmented into a datagram of a connected socket, as far as the kernel knows the path.
std::uint32_t largest_payload(int fd, int family);

}  // namespace kiln::tftp
