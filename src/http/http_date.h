#pragma once

#include <ctime>
#include <optional>
#include <string>
#include <string_view>

namespace kiln::http {

/// "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110, 5.6.7), whatever the locale.
std::string format_date(std::time_t time);
/// That form and the two obsolete ones.
std::optional<std::time_t> parse_date(std::string_view text);

}  // namespace kiln::http
