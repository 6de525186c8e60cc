#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "config/node.h"

namespace kiln::config {

/// The type of a plain (unquoted) scalar, as the YAML reader of LinuxKit sees it (spec yaml.md §12.1): `yes` and dates
/// are strings, `0644`, `0o644`, `0b1`, `0x1f` and `1_000` are integers.
Node::Kind plain_scalar_kind(std::string_view text);

struct Integer {
  bool negative = false;
  std::uint64_t magnitude = 0;
};

/// The value of a scalar of kind integer; nothing if it is none or does not fit 64 bits.
std::optional<Integer> parse_integer(std::string_view text);

/// The value of a scalar of kind boolean.
bool parse_boolean(std::string_view text);

}  // namespace kiln::config
