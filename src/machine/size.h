#pragma once

#include <cstdint>
#include <string_view>

namespace kiln::machine {

/// A size in MiB: a number with an optional unit M or G (also MB, MiB, GB, GiB; the three mean the same here, as in
/// QEMU); without one it counts `default_unit` MiB. Throws Error naming `what`, unless it is positive and fits.
std::uint64_t parse_mebibytes(std::string_view text, std::uint64_t default_unit, std::string_view what);

/// A decimal number from `least` to `most`; throws Error naming `what`.
std::uint64_t parse_number(std::string_view text, std::uint64_t least, std::uint64_t most, std::string_view what);

}  // namespace kiln::machine
