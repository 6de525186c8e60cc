#include "build/segment_cache.h"

#include <gtest/gtest.h>

#include <chrono>
#include <fstream>

#include "base/error.h"

namespace kiln::build {
namespace {

class SegmentCacheTest : public testing::Test {
 protected:
  /// Last used so many hours ago.
  static Sha256 put(const SegmentCache& cache, const std::string& name, std::size_t size, int hours) {
    const Sha256 key = Sha256::of(name);
    AtomicFile file = cache.create(key);
    file.sink().write(as_bytes(std::string(size, 'x')));
    const SegmentFile segment = cache.store(std::move(file), size);
    std::filesystem::last_write_time(segment.path,
                                     std::filesystem::file_time_type::clock::now() - std::chrono::hours{hours});
    return key;
  }

  TempDir directory_;
  oci::Store store_{directory_.path() / "store"};
};

TEST_F(SegmentCacheTest, WhatWasUsedLongestAgoGoes) {
  const SegmentCache cache{store_};
  const Sha256 old = put(cache, "old", 1000, 3), older = put(cache, "older", 1000, 4),
               fresh = put(cache, "new", 1000, 0);
  cache.prune(2500);
  EXPECT_TRUE(cache.find(old));
  EXPECT_FALSE(cache.find(older));
  EXPECT_TRUE(cache.find(fresh));
}

TEST_F(SegmentCacheTest, ItIsLookedThroughWhenMuchHasBeenStored) {
  constexpr std::uint64_t kLimit = 16'000;  // so every 1000 bytes
  {
    const SegmentCache cache{store_};
    put(cache, "first", 1, 0);
    cache.prune(kLimit);
  }
  const SegmentCache cache{store_};
  const Sha256 large = Sha256::of("large");
  AtomicFile{cache.path(large)}.commit();  // of another process, which has not come to its end
  std::filesystem::resize_file(cache.path(large), 20'000);
  put(cache, "a", 600, 0);
  cache.prune(kLimit);
  EXPECT_TRUE(std::filesystem::exists(cache.path(large)));
  cache.prune(kLimit);
  EXPECT_TRUE(std::filesystem::exists(cache.path(large)));
  std::filesystem::last_write_time(cache.path(large),
                                   std::filesystem::file_time_type::clock::now() - std::chrono::hours{1});
  const SegmentCache another{store_};
  put(another, "b", 600, 0);
  another.prune(kLimit);
  EXPECT_FALSE(std::filesystem::exists(cache.path(large)));
}

TEST_F(SegmentCacheTest, ADamagedNoteIsALookToo) {
  const SegmentCache cache{store_};
  std::ofstream{store_.derived_directory("segments") / ".stored"} << "x";
  const Sha256 old = put(cache, "old", 3000, 1);
  put(cache, "new", 10, 0);
  cache.prune(2500);
  EXPECT_FALSE(cache.find(old));
}

}  // namespace
}  // namespace kiln::build
