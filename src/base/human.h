#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace kiln {

/// Three digits at most and a decimal unit: "0 B", "999 B", "1.2 kB", "12.1 MB", "471 MB".
std::string human_size(std::uint64_t bytes);

/// "0.3 s", "12.4 s", "2 min 05 s", "1 h 02 min".
std::string human_duration(std::chrono::nanoseconds duration);

/// The text with control characters and bytes that are not UTF-8 replaced by '?': safe to show on a terminal.
std::string printable(std::string_view text);

/// How many columns printable text takes, counting a code point as one.
std::size_t text_width(std::string_view text);

/// The text cut to `columns`, the last of which is then "…".
std::string fit_width(std::string_view text, std::size_t columns);

}  // namespace kiln
