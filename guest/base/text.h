#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace guest {

/// printf into a string.
std::string format(const char* pattern, ...) __attribute__((format(printf, 1, 2)));

/// `text` without leading and trailing blanks (space, tab, CR, LF). A view into `text`.
std::string_view trim(std::string_view text);

/// Takes the next line (without its newline) off `rest`; false once nothing is left.
bool take_line(std::string_view& rest, std::string_view& line);

/// Takes the next blank-separated word off `rest`; empty once nothing is left.
std::string_view take_word(std::string_view& rest);

/// The blank-separated words of `text`; views into it.
std::vector<std::string_view> words(std::string_view text);

/// A whole non-negative decimal number, or nothing (empty, other characters, overflow).
std::optional<std::uint64_t> parse_decimal(std::string_view text);

/// `text` fit for one console line: control characters and bytes above 0x7e become \ooo.
std::string printable(std::string_view text);

}  // namespace guest
