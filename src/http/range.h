#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace kiln::http {

struct Range {
  std::uint64_t first;
  std::uint64_t size;
  bool operator==(const Range&) const = default;
};

/// The ranges of `size` bytes that a Range header asks for (RFC 9110, 14.2), those left out that begin after the end;
/// nothing if the header asks for none that we serve: it is malformed, not in bytes, or has more ranges or more overlap
/// than an honest client needs. The whole is the answer then; for an empty list it is 416.
std::optional<std::vector<Range>> parse_ranges(std::string_view header, std::uint64_t size);

}  // namespace kiln::http
