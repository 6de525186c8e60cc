#include "build/content_cuts.h"

#include <limits>

namespace kiln::build {
namespace {

/// Of files with so many bytes altogether one is chosen, by its hash, and each that is larger.
bool is_chosen(const CutItem& item, std::uint64_t bytes) {
  constexpr auto kRange = static_cast<double>(std::numeric_limits<std::uint64_t>::max());
  return static_cast<double>(item.hash) / kRange < static_cast<double>(item.size) / static_cast<double>(bytes);
}

}  // namespace

std::vector<std::size_t> cut_by_content(const std::vector<CutItem>& items, std::uint64_t target) {
  const std::uint64_t least = target / 2, most = target + target / 2;
  std::vector<std::size_t> cuts{0};
  std::uint64_t size = 0;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const bool full = size + items[i].size > most;
    if (size > 0 && (full || (size >= least && is_chosen(items[i], target - least)))) {
      cuts.push_back(i);
      size = 0;
    }
    size += items[i].size;
  }
  return cuts;
}

std::uint64_t piece_target(const std::vector<CutItem>& items, std::uint64_t smallest, std::size_t most) {
  std::uint64_t whole = 0;
  for (const CutItem& item : items) whole += item.size;
  std::uint64_t target = smallest;
  // A piece has at least half the target, or does so together with the next; but for the last.
  while (2 * (whole / target) + 1 >= most) target *= 2;
  return target;
}

}  // namespace kiln::build
