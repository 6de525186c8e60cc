#include "netboot/mac_address.h"

namespace kiln::netboot {
namespace {

std::string join(const std::array<std::uint8_t, 6>& bytes, char separator) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const std::uint8_t byte : bytes) {
    if (!text.empty()) text += separator;
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

std::optional<unsigned> hex_digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A' + 10);
  return std::nullopt;
}

}  // namespace

std::string MacAddress::to_string() const { return join(bytes, ':'); }
std::string MacAddress::to_hyphens() const { return join(bytes, '-'); }

std::optional<MacAddress> MacAddress::parse(std::string_view text) {
  constexpr std::size_t kPairs = 6;
  const bool separated = text.size() == 3 * kPairs - 1;
  if (!separated && text.size() != 2 * kPairs) return std::nullopt;
  const char separator = separated ? text[2] : '\0';
  if (separated && separator != ':' && separator != '-') return std::nullopt;
  MacAddress address;
  for (std::size_t i = 0; i < kPairs; ++i) {
    const std::size_t at = i * (separated ? 3 : 2);
    const auto high = hex_digit(text[at]);
    const auto low = hex_digit(text[at + 1]);
    if (!high || !low || (separated && i > 0 && text[at - 1] != separator)) return std::nullopt;
    address.bytes[i] = static_cast<std::uint8_t>(*high << 4 | *low);
  }
  return address;
}

}  // namespace kiln::netboot
