#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::archive {

/// A pax extended header record (POSIX.1-2017, pax, "pax Extended Header"): "LENGTH KEY=VALUE\n".
struct PaxRecord {
  std::string_view key, value;
};

/// The records of an extended header's data, in order; views into it. Throws Error saying which byte is wrong.
std::vector<PaxRecord> parse_pax_records(std::string_view data);

/// Appends one record; its LENGTH counts its own digits.
void append_pax_record(std::string& out, std::string_view key, std::string_view value);

struct PaxTime {
  std::int64_t seconds = 0;
  std::uint32_t nanoseconds = 0;  ///< added to the seconds, also when these are negative
};
/// A decimal number of seconds, truncated to nanoseconds. Nothing if it is not one.
std::optional<PaxTime> parse_pax_time(std::string_view text);
std::string format_pax_time(const PaxTime& time);

/// An unsigned decimal number. Nothing if it is not one or does not fit.
std::optional<std::uint64_t> parse_decimal(std::string_view text);

}  // namespace kiln::archive
