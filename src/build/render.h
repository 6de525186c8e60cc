#pragma once

#include <vector>

#include "base/reporter.h"
#include "build/segment_cache.h"
#include "build/segments.h"

namespace kiln::build {

/// The segments of an archive as files of the cache, in archive order.
struct Rendered {
  std::vector<SegmentFile> segments;
  std::vector<bool> reused;            ///< by segment: it was in the cache already
  std::uint64_t rendered_content = 0;  ///< bytes of content that had to be rendered, before compression
};

/// Takes every segment from the cache or renders it into the cache. A compressed segment is a series of frames, each of
/// whole archive entries, cut by content: the unit of parallel compression, and what the kernel wants (initramfs buffer
/// format). Peak memory does not depend on the size of anything.
Rendered render(const Plan& plan, const SegmentList& list, const Compression& compression, const SegmentCache& cache,
                unsigned threads, Reporter& reporter);

}  // namespace kiln::build
