#include "base/large_pages.h"

#include <sys/mman.h>

#include <memory>

namespace kiln {

void prefer_large_pages(MutableBytes memory) {
  constexpr std::size_t kLargePage = 2 << 20;
  void* begin = memory.data();
  std::size_t size = memory.size();
  if (std::align(kLargePage, kLargePage, begin, size) == nullptr) return;
  // Whether the kernel has such pages is its affair: without them all works as before.
  ::madvise(begin, size / kLargePage * kLargePage, MADV_HUGEPAGE);
}

}  // namespace kiln
