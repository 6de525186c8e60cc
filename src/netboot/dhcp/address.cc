#include "netboot/dhcp/address.h"

#include <arpa/inet.h>

#include <cstring>

#include "base/error.h"

namespace kiln::dhcp {
namespace {

constexpr std::uint8_t kEthernet = 1;

std::optional<std::uint8_t> hex_digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<std::uint8_t>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<std::uint8_t>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<std::uint8_t>(c - 'A' + 10);
  return std::nullopt;
}

}  // namespace

std::optional<Ipv4Address> Ipv4Address::parse(std::string_view text) {
  in_addr address{};
  if (::inet_pton(AF_INET, std::string{text}.c_str(), &address) != 1 || text.find('\0') != text.npos) {
    return std::nullopt;
  }
  return Ipv4Address{ntohl(address.s_addr)};
}

std::string Ipv4Address::to_string() const {
  return concat(value >> 24, ".", value >> 16 & 0xFF, ".", value >> 8 & 0xFF, ".", value & 0xFF);
}

std::optional<HardwareAddress> HardwareAddress::parse(std::string_view text) {
  HardwareAddress address;
  if (text.size() != 17) return std::nullopt;
  for (std::size_t i = 0; i < 6; ++i) {
    const auto high = hex_digit(text[3 * i]);
    const auto low = hex_digit(text[3 * i + 1]);
    if (!high || !low) return std::nullopt;
    if (i > 0 && text[3 * i - 1] != ':' && text[3 * i - 1] != '-') return std::nullopt;
    address.bytes[i] = static_cast<std::uint8_t>(*high << 4 | *low);
  }
  return address;
}

std::string HardwareAddress::to_string() const {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text = type == kEthernet ? "" : concat("type ", type, " ");
  for (std::size_t i = 0; i < size && i < bytes.size(); ++i) {
    if (i > 0) text += ':';
    text += kDigits[bytes[i] >> 4];
    text += kDigits[bytes[i] & 0xF];
  }
  return text;
}

}  // namespace kiln::dhcp
