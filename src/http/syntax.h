#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::http {

// The small words of RFC 9110, section 5.6.

bool is_token(std::string_view text);
bool equal_ignoring_case(std::string_view a, std::string_view b);
std::string_view trim(std::string_view text);  ///< of spaces and tabs
/// Decimal digits alone, and no more than fit.
std::optional<std::uint64_t> parse_number(std::string_view digits);
/// The elements of a comma-separated list, trimmed, without the empty ones. Quoted strings are not looked into.
std::vector<std::string_view> split_list(std::string_view list);
/// The value of a hexadecimal digit, or -1.
int hex_digit(char digit);

}  // namespace kiln::http
