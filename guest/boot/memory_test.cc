#include "boot/memory.h"

#include <gtest/gtest.h>

namespace guest {
namespace {

TEST(Memory, AddsThePerCpuLists) {
  EXPECT_EQ(
      per_cpu_free_pages(
          "Node 0, zone      DMA\n  pages free     3840\n  pagesets\n    cpu: 0\n              count:    120\n"
          "              high:  14\n              batch: 1\n    cpu: 1\n              count:    7\n  start_pfn: 1\n"),
      127U);
  EXPECT_EQ(per_cpu_free_pages(""), 0U);
}

}  // namespace
}  // namespace guest
