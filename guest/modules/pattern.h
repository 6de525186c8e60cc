#pragma once

#include <string_view>

namespace guest {

/// Whether `text` matches the shell pattern `pattern`: `*`, `?`, `[a-z]`, `[!a]`, no escapes; that is all depmod
/// writes. Time is at most |pattern| × |text|, whatever the pattern.
bool matches_pattern(std::string_view pattern, std::string_view text);

}  // namespace guest
