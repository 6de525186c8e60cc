#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace kiln::build {

/// A file as far as cutting is concerned.
struct CutItem {
  std::uint64_t size = 0;
  std::uint64_t hash = 0;  ///< of the file alone, evenly distributed
};

/// Cuts a row of files into pieces of about `target` bytes; none is larger than one and a half of that but those of one
/// file. Where it is cut depends on the files near by alone ("content-defined chunking"): a file that is changed, added
/// or removed changes the piece it is in, and rarely the next. Returns the first file of each piece; the first is 0.
std::vector<std::size_t> cut_by_content(const std::vector<CutItem>& items, std::uint64_t target);

/// The target that makes at most `most` pieces (three or more): `smallest`, doubled until it does. So it hardly ever
/// changes when the files do.
std::uint64_t piece_target(const std::vector<CutItem>& items, std::uint64_t smallest, std::size_t most);

}  // namespace kiln::build
