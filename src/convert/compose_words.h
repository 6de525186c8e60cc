#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::convert {

// Internal to this folder: what texts in compose files mean.

std::vector<std::string> split(std::string_view text, char separator);
std::optional<std::uint64_t> whole_number(std::string_view text);

/// "512m", "1gb", "1024": bytes (compose-spec, "byte value").
std::optional<std::uint64_t> byte_size(std::string text);

/// A command in one string as a shell would split it, quotes and backslashes understood; nothing else of a shell is.
/// Throws Error for a quote that is not closed.
std::vector<std::string> shell_words(std::string_view text);

}  // namespace kiln::convert
