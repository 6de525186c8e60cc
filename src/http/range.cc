#include "http/range.h"

#include <algorithm>

#include "http/syntax.h"

namespace kiln::http {
namespace {

constexpr std::size_t kMostRanges = 32;

/// What one range-spec means for `size` bytes; of size 0 if it begins after their end.
std::optional<Range> parse_one(std::string_view text, std::uint64_t size) {
  const std::size_t dash = text.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const std::string_view first_text = text.substr(0, dash);
  const std::string_view last_text = text.substr(dash + 1);
  const auto first = parse_number(first_text);
  const auto last = parse_number(last_text);
  if ((!first && !first_text.empty()) || (!last && !last_text.empty())) return std::nullopt;
  if (!first) {
    if (!last) return std::nullopt;
    const std::uint64_t suffix = std::min(*last, size);
    return Range{size - suffix, suffix};
  }
  if (last && *last < *first) return std::nullopt;
  if (*first >= size) return Range{0, 0};
  return Range{*first, std::min(last.value_or(size - 1), size - 1) - *first + 1};
}

bool overlap(std::vector<Range> ranges) {
  std::sort(ranges.begin(), ranges.end(), [](const Range& a, const Range& b) { return a.first < b.first; });
  for (std::size_t i = 1; i < ranges.size(); ++i) {
    if (ranges[i].first < ranges[i - 1].first + ranges[i - 1].size) return true;
  }
  return false;
}

}  // namespace

std::optional<std::vector<Range>> parse_ranges(std::string_view header, std::uint64_t size) {
  const std::size_t equals = header.find('=');
  if (equals == std::string_view::npos || !equal_ignoring_case(trim(header.substr(0, equals)), "bytes")) {
    return std::nullopt;
  }
  const std::vector<std::string_view> specs = split_list(header.substr(equals + 1));
  if (specs.empty() || specs.size() > kMostRanges) return std::nullopt;
  std::vector<Range> ranges;
  for (const std::string_view spec : specs) {
    const std::optional<Range> range = parse_one(spec, size);
    if (!range) return std::nullopt;
    if (range->size > 0) ranges.push_back(*range);
  }
  if (overlap(ranges)) return std::nullopt;
  return ranges;
}

}  // namespace kiln::http
