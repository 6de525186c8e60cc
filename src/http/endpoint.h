#pragma once

#include <cstdint>
#include <string>
#include <string_view>

struct sockaddr;

namespace kiln::http {

/// An address and port of TCP, as text: "192.0.2.7" or "2001:db8::7" (IPv4 seen through an IPv6 socket is IPv4).
struct Endpoint {
  std::string host;  ///< empty: every address of this machine
  std::uint16_t port = 0;

  /// From "HOST:PORT", "[IPV6]:PORT", ":PORT" or "PORT"; throws Error.
  static Endpoint parse(std::string_view text);
  static Endpoint of(const sockaddr& address);

  std::string to_string() const;  ///< "HOST:PORT", IPv6 in brackets: as it stands in a URL
  bool operator==(const Endpoint&) const = default;
};

}  // namespace kiln::http
