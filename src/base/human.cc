#include "base/human.h"

#include <array>
#include <cmath>
#include <cstdio>

#include "base/error.h"

namespace kiln {
namespace {

bool continues(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

/// Length of the UTF-8 sequence at the start of `text` (RFC 3629), or 0 when there is none. C1 controls count as none.
std::size_t sequence_length(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  if (lead < 0x80) return lead >= 0x20 && lead != 0x7f ? 1 : 0;
  const std::size_t length = lead >= 0xf5 ? 0 : lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc2 ? 2 : 0;
  if (length == 0 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if (!continues(text[i])) return 0;
  }
  const auto second = static_cast<unsigned char>(text[1]);
  const bool control = lead == 0xc2 && second < 0xa0;
  const bool overlong = (lead == 0xe0 && second < 0xa0) || (lead == 0xf0 && second < 0x90);
  const bool outside = (lead == 0xed && second >= 0xa0) || (lead == 0xf4 && second >= 0x90);
  return control || overlong || outside ? 0 : length;
}

/// The index of the first byte after `count` code points.
std::size_t prefix_of(std::string_view text, std::size_t count) {
  std::size_t at = 0;
  for (; count > 0 && at < text.size(); --count) {
    ++at;
    while (at < text.size() && continues(text[at])) ++at;
  }
  return at;
}

}  // namespace

std::string human_size(std::uint64_t bytes) {
  static constexpr std::array kUnits{"kB", "MB", "GB", "TB", "PB", "EB"};
  if (bytes < 1000) return concat(bytes, " B");
  double value = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (value /= 1000; value >= 999.5 && unit + 1 < kUnits.size(); value /= 1000) ++unit;
  std::array<char, 32> buffer{};
  std::snprintf(buffer.data(), buffer.size(), value < 99.95 ? "%.1f %s" : "%.0f %s", value, kUnits[unit]);
  return buffer.data();
}

std::string human_duration(std::chrono::nanoseconds duration) {
  const double seconds = std::chrono::duration<double>(duration).count();
  std::array<char, 32> buffer{};
  if (seconds < 59.95) {
    std::snprintf(buffer.data(), buffer.size(), "%.1f s", seconds);
    return buffer.data();
  }
  const long whole = std::lround(seconds);
  if (whole < 3600) {
    std::snprintf(buffer.data(), buffer.size(), "%ld min %02ld s", whole / 60, whole % 60);
  } else {
    std::snprintf(buffer.data(), buffer.size(), "%ld h %02ld min", whole / 3600, whole / 60 % 60);
  }
  return buffer.data();
}

std::string printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::size_t length = sequence_length(text);
    if (length == 0) {
      out += '?';
      text.remove_prefix(1);
    } else {
      out += text.substr(0, length);
      text.remove_prefix(length);
    }
  }
  return out;
}

std::size_t text_width(std::string_view text) {
  std::size_t width = 0;
  for (char c : text) width += continues(c) ? 0 : 1;
  return width;
}

std::string fit_width(std::string_view text, std::size_t columns) {
  if (text_width(text) <= columns) return std::string{text};
  if (columns == 0) return {};
  return concat(text.substr(0, prefix_of(text, columns - 1)), "…");
}

}  // namespace kiln
