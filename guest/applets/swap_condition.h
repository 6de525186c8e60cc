#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace guest {

/// When to swap at all: `part:PATH[:true]` (something is mounted there), `partsize:PATH:SIZE[:true]` (and it has at
/// least that size). With `true` it is an error if that is not so.
struct SwapCondition {
  std::string path;  ///< empty: always
  std::uint64_t least_bytes = 0;
  bool required = false;
};

/// An empty text is no condition. Returns an empty string, or what is wrong.
std::string parse_swap_condition(std::string_view text, SwapCondition& condition);

/// The size of the file system that holds `path`; 0 if it cannot be told.
std::uint64_t file_system_bytes(const std::string& path);

}  // namespace guest
