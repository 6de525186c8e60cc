#pragma once

#include <optional>
#include <string_view>
#include <vector>

namespace kiln::config {

/// The candidate that `word` was most likely meant to be (fewest letters typed wrong, left out, added or swapped; case
/// does not count), or nothing when none is near.
std::optional<std::string_view> nearest(std::string_view word, const std::vector<std::string_view>& candidates);

}  // namespace kiln::config
