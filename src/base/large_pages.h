#pragma once

#include "base/bytes.h"

namespace kiln {

/// Asks the kernel to back this memory, where it is 2 MiB and aligned, with pages of that size: for buffers that are
/// going to be filled. One fault then stands for 512, and what works in them misses the TLB less.
void prefer_large_pages(MutableBytes memory);

}  // namespace kiln
