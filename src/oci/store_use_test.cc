#include "oci/store_use.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "oci/garbage.h"

namespace kiln::oci {
namespace {

TEST(StoreUse, ManyUseItAndOneOwnsIt) {
  const TempDir directory;
  Store store{directory.path() / "store"};
  const Descriptor blob = store.put("fetched, but not named yet", media_type::kLayerTar);
  auto first = use_store(store);
  auto second = use_store(store);
  ASSERT_TRUE(first && second);
  std::atomic<bool> has_waited = false;
  std::atomic<bool> is_clean = false;
  std::thread cleaner{[&] {
    const LockFile own = own_store(store, [&] { has_waited = true; });
    clear(store);
    is_clean = true;
  }};
  while (!has_waited) std::this_thread::yield();
  first.reset();
  std::this_thread::sleep_for(std::chrono::milliseconds{20});
  EXPECT_FALSE(is_clean);
  EXPECT_TRUE(store.has(blob));
  second.reset();
  cleaner.join();
  EXPECT_FALSE(store.has(blob));
  // The lock's own file outlives the cleaning: whoever waits on it and whoever comes must meet at one file.
  const auto third = use_store(store);
  EXPECT_TRUE(std::filesystem::exists(store.directory() / "kiln" / kInUseLock));
  EXPECT_FALSE(LockFile::try_lock(store.directory() / "kiln" / kInUseLock, LockFile::Mode::exclusive));
}

}  // namespace
}  // namespace kiln::oci
