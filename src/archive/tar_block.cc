#include "archive/tar_block.h"

#include <algorithm>
#include <cstddef>
#include <limits>

namespace kiln::archive {
namespace {

/// Two's complement, big-endian, over all bytes but the first bit, which marks the encoding.
std::optional<std::int64_t> base256(std::string_view field) {
  const bool negative = (static_cast<unsigned char>(field[0]) & 0x40) != 0;
  std::uint64_t magnitude = 0;  // of a negative number: its one's complement
  for (std::size_t i = 0; i < field.size(); ++i) {
    auto byte = static_cast<unsigned char>(field[i]);
    if (negative) byte = static_cast<unsigned char>(~byte);
    if (i == 0) byte &= 0x7f;
    if (magnitude >> 55 != 0) return std::nullopt;
    magnitude = magnitude << 8 | byte;
  }
  const auto value = static_cast<std::int64_t>(magnitude);
  return negative ? ~value : value;
}

std::optional<std::int64_t> octal(std::string_view field) {
  constexpr std::string_view kBlank{" \0", 2};
  const std::size_t begin = field.find_first_not_of(kBlank);
  if (begin == std::string_view::npos) return 0;
  field.remove_prefix(begin);
  field = field.substr(0, field.find_first_of(kBlank));
  std::int64_t value = 0;
  for (char c : field) {  // 12 digits at most, so no overflow
    if (c < '0' || c > '7') return std::nullopt;
    value = value * 8 + (c - '0');
  }
  return value;
}

}  // namespace

TarBlock::Dialect TarBlock::dialect() const {
  const std::string_view text{magic, sizeof magic + sizeof version};
  if (text == std::string_view{"ustar  \0", 8}) return Dialect::gnu;
  if (!text.starts_with(std::string_view{"ustar\0", 6})) return Dialect::v7;
  const bool star = std::string_view{padding, sizeof padding}.ends_with(std::string_view{"tar\0", 4});
  return star ? Dialect::star : Dialect::ustar;
}

bool TarBlock::is_zero() const {
  const std::string_view all = bytes();
  return std::all_of(all.begin(), all.end(), [](char c) { return c == 0; });
}

std::optional<std::int64_t> tar_number(std::string_view field) {
  return (static_cast<unsigned char>(field[0]) & 0x80) != 0 ? base256(field) : octal(field);
}

TarChecksums tar_checksums(const TarBlock& block) {
  const std::string_view bytes = block.bytes();
  constexpr std::size_t kField = offsetof(TarBlock, checksum);
  constexpr std::size_t kFieldEnd = kField + sizeof block.checksum;
  std::int32_t negative = 0;
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < sizeof block; ++i) {
    const auto byte = static_cast<unsigned char>(bytes[i]);
    sum += byte;
    negative += byte >> 7;
  }
  for (std::size_t i = kField; i < kFieldEnd; ++i) {
    const auto byte = static_cast<unsigned char>(bytes[i]);
    sum -= byte;
    negative -= byte >> 7;
  }
  sum += ' ' * sizeof block.checksum;
  return {sum, static_cast<std::int64_t>(sum) - 256 * static_cast<std::int64_t>(negative)};
}

}  // namespace kiln::archive
