#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"

namespace guest {

/// Where to connect to: an IPv4 or IPv6 address with a port.
struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  int family() const { return storage.ss_family; }
};

/// The address written as `text` ("10.0.0.1", "fe80::1"). False if it is none.
bool parse_address(const std::string& text, std::uint16_t port, Address& address);

/// From the bytes of a DNS record: 4 or 16.
Address address_from_bytes(std::string_view bytes, std::uint16_t port);

/// "10.0.0.1:80", for messages.
std::string address_text(const Address& address);

/// The addresses of a host: numeric, or from /etc/hosts, or asked of the name servers of /etc/resolv.conf until
/// `deadline` (time since boot). glibc's own resolver would load libraries, which a static program cannot. Returns an
/// empty string, or why there are none.
std::string resolve(const std::string& host, std::uint16_t port, Microseconds deadline,
                    std::vector<Address>& addresses);

/// The MAC address ("52:54:00:12:34:56") of the interface that packets to `address` leave by; empty if there is no
/// route, or by loopback.
std::string mac_towards(const Address& address);

/// What the boot loader said it booted from: `BOOTIF=01-52-54-00-12-34-56` (as PXELINUX writes it; iPXE's
/// `BOOTIF=${netX/mac}` is fine too), normalised to colons and small letters. Empty if `token` is something else.
std::string boot_interface_mac(std::string_view token);

}  // namespace guest
