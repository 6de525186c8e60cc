#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace kiln::netboot {

/// An Ethernet address: the name of a machine from its first packet on, before it has any other.
struct MacAddress {
  std::array<std::uint8_t, 6> bytes{};

  std::string to_string() const;   ///< "52:54:00:12:34:56"
  std::string to_hyphens() const;  ///< "52-54-00-12-34-56", as iPXE's ${mac:hexhyp}

  /// Six pairs of hexadecimal digits, separated by ':' or '-' or not at all; nothing if it is anything else.
  static std::optional<MacAddress> parse(std::string_view text);

  auto operator<=>(const MacAddress&) const = default;
};

}  // namespace kiln::netboot
