#include "archive/pax.h"

#include <charconv>

#include "base/error.h"

namespace kiln::archive {
namespace {

template <typename T>
std::optional<T> parse_integer(std::string_view text) {
  T value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// The nanoseconds that up to nine of these digits stand for.
std::optional<std::uint32_t> parse_fraction(std::string_view digits) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 9; ++i)
    value = value * 10 + (i < digits.size() ? static_cast<std::uint32_t>(digits[i] - '0') : 0);
  return digits.find_first_not_of("0123456789") == std::string_view::npos ? std::optional{value} : std::nullopt;
}

std::size_t digits_of(std::size_t value) { return std::to_string(value).size(); }

}  // namespace

std::optional<std::uint64_t> parse_decimal(std::string_view text) { return parse_integer<std::uint64_t>(text); }

std::vector<PaxRecord> parse_pax_records(std::string_view data) {
  std::vector<PaxRecord> records;
  for (std::size_t at = 0; at < data.size();) {
    const std::string_view rest = data.substr(at);
    const std::size_t space = rest.find(' ');
    const auto length = parse_decimal(rest.substr(0, space));
    if (space == std::string_view::npos || !length)
      throw Error{"pax record at byte ", at, " of its data: expected its length and a space"};
    if (*length > rest.size() || *length < space + 3)  // at least "K=" and a newline, the value may be empty
      throw Error{"pax record at byte ", at, " of its data: its length is ", *length, ", but ", rest.size(),
                  " bytes are left"};
    const std::string_view record = rest.substr(space + 1, static_cast<std::size_t>(*length) - space - 1);
    const std::size_t equals = record.find('=');
    if (record.back() != '\n' || equals == std::string_view::npos || equals == 0)
      throw Error{"pax record at byte ", at, " of its data: expected KEY=VALUE and a newline"};
    records.push_back({record.substr(0, equals), record.substr(equals + 1, record.size() - equals - 2)});
    at += static_cast<std::size_t>(*length);
  }
  return records;
}

void append_pax_record(std::string& out, std::string_view key, std::string_view value) {
  const std::size_t rest = key.size() + value.size() + 3;  // space, '=' and newline
  std::size_t length = rest + digits_of(rest);
  if (rest + digits_of(length) != length) ++length;  // the digits themselves carried it to one digit more
  out += std::to_string(length);
  out += ' ';
  out += key;
  out += '=';
  out += value;
  out += '\n';
}

std::optional<PaxTime> parse_pax_time(std::string_view text) {
  const std::size_t point = text.find('.');
  const auto seconds = parse_integer<std::int64_t>(text.substr(0, point));
  const auto fraction = parse_fraction(point == std::string_view::npos ? "" : text.substr(point + 1));
  if (!seconds || !fraction) return std::nullopt;
  if (*fraction == 0 || !text.starts_with('-')) return PaxTime{*seconds, *fraction};
  if (*seconds == INT64_MIN) return std::nullopt;
  return PaxTime{*seconds - 1, 1'000'000'000 - *fraction};
}

std::string format_pax_time(const PaxTime& time) {
  if (time.nanoseconds == 0) return std::to_string(time.seconds);
  std::int64_t seconds = time.seconds;
  std::uint32_t nanoseconds = time.nanoseconds;
  std::string out;
  if (seconds < 0) {
    out = "-";
    seconds = -(seconds + 1);
    nanoseconds = 1'000'000'000 - nanoseconds;
  }
  std::string fraction = std::to_string(1'000'000'000 + nanoseconds).substr(1);
  fraction.erase(fraction.find_last_not_of('0') + 1);
  return out + std::to_string(seconds) + '.' + fraction;
}

}  // namespace kiln::archive
