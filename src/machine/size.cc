#include "machine/size.h"

#include <charconv>
#include <optional>

#include "base/error.h"

namespace kiln::machine {
namespace {

constexpr std::uint64_t kMostMebibytes = std::uint64_t{1} << 34;  // 16 PiB: more than QEMU or a file system takes

std::optional<std::uint64_t> unit_size(std::string_view unit, std::uint64_t default_unit) {
  if (unit.empty()) return default_unit;
  if (unit == "M" || unit == "MB" || unit == "MiB") return 1;
  if (unit == "G" || unit == "GB" || unit == "GiB") return 1024;
  return std::nullopt;
}

}  // namespace

std::uint64_t parse_mebibytes(std::string_view text, std::uint64_t default_unit, std::string_view what) {
  std::uint64_t number = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  const auto unit = unit_size(text.substr(static_cast<std::size_t>(parsed.ptr - text.data())), default_unit);
  if (parsed.ec == std::errc::invalid_argument || !unit) {
    throw Error{what, " ", quote(text), ": expected a number with M or G after it, like 512M or 2G"};
  }
  if (parsed.ec != std::errc{} || number > kMostMebibytes / *unit) {
    throw Error{what, " ", quote(text), ": expected at most ", kMostMebibytes / 1024, "G"};
  }
  if (number == 0) throw Error{what, " ", quote(text), ": expected more than nothing"};
  return number * *unit;
}

std::uint64_t parse_number(std::string_view text, std::uint64_t least, std::uint64_t most, std::string_view what) {
  std::uint64_t number = 0;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, number);
  if (parsed.ec != std::errc{} || parsed.ptr != end || number < least || number > most) {
    throw Error{what, " ", quote(text), ": expected a number from ", least, " to ", most};
  }
  return number;
}

}  // namespace kiln::machine
