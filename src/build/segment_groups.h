#pragma once

#include <vector>

#include "build/segment_cache.h"

namespace kiln::build {

/// The same archive in at most `most` files (three or more): for loaders to which each segment is a file of its own,
/// with a name on the kernel's command line. Where there are more segments, neighbours are joined, in the cache; which
/// ones depends on their content, so that a changed segment changes its own group and rarely another.
std::vector<SegmentFile> group_segments(const SegmentCache& cache, const std::vector<SegmentFile>& segments,
                                        std::size_t most);

}  // namespace kiln::build
