#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace kiln::dhcp {

/// An IPv4 address; the default is 0.0.0.0, which DHCP means "none" by.
struct Ipv4Address {
  std::uint32_t value = 0;  ///< in the host's byte order, so that ranges can be counted through

  /// From "192.0.2.7"; nothing if it is none.
  static std::optional<Ipv4Address> parse(std::string_view text);

  bool is_none() const { return value == 0; }
  std::string to_string() const;
  auto operator<=>(const Ipv4Address&) const = default;
};

inline constexpr Ipv4Address kEveryone{0xFFFFFFFF};  ///< 255.255.255.255, this network's broadcast address

/// What a DHCP header's htype, hlen and chaddr say: for Ethernet (type 1) a MAC address of six bytes.
struct HardwareAddress {
  std::uint8_t type = 1;
  std::uint8_t size = 6;  ///< at most 16
  std::array<std::uint8_t, 16> bytes{};

  /// From six hex bytes with colons or hyphens between, "52:54:00:12:34:56"; nothing if it is none.
  static std::optional<HardwareAddress> parse(std::string_view text);

  /// "52:54:00:12:34:56"; types other than Ethernet are put before it as "type 32 ".
  std::string to_string() const;
  auto operator<=>(const HardwareAddress&) const = default;
};

}  // namespace kiln::dhcp
