#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace kiln::machine {

/// A port of the host that leads to one of the guest.
struct PublishedPort {
  std::string address = "127.0.0.1";  ///< of the host, IPv4; 0.0.0.0: all its addresses
  std::uint16_t host = 0;             ///< 0: any free one
  std::uint16_t guest = 0;
  bool udp = false;

  bool operator==(const PublishedPort&) const = default;
};

/// `[ADDRESS:]HOST:GUEST[/tcp|/udp]`; without an address, `address`. Throws Error.
PublishedPort parse_published_port(std::string_view text, std::string_view address = "127.0.0.1");

/// The same with a port of the host that is free now in place of 0. Throws Error if the port that was asked for is
/// taken, or its address is not the host's.
PublishedPort claim_port(PublishedPort port);

}  // namespace kiln::machine
