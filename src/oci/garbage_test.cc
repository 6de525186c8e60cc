#include "oci/garbage.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "oci/manifest.h"

namespace kiln::oci {
namespace {

using namespace std::chrono_literals;

class GarbageTest : public testing::Test {
 protected:
  TempDir directory;
  Store store{directory.path() / "store"};
  Descriptor shared = store.put("shared layer", media_type::kLayerTar);

  /// An image of two layers, one of them shared by all, under `name`.
  Descriptor add(const std::string& name) {
    Manifest manifest;
    manifest.media_type = media_type::kManifest;
    manifest.config = store.put("{\"config\":\"" + name + "\"}", media_type::kConfig);
    manifest.layers = {shared, store.put("layer of " + name, media_type::kLayerTar)};
    const Descriptor descriptor = store.put(to_json(manifest), media_type::kManifest);
    store.set(name, descriptor);
    return descriptor;
  }
};

TEST_F(GarbageTest, RemovesWhatOneImageAloneNeeded) {
  add("a");
  const Descriptor b = add("b");
  const std::optional<Freed> freed = remove_image(store, "a");
  ASSERT_TRUE(freed);
  EXPECT_EQ(freed->blobs, 3U);  // manifest, config, its own layer
  EXPECT_TRUE(store.has(shared));
  EXPECT_TRUE(store.has(b));
  EXPECT_EQ(store.verify(), std::vector<std::string>{});
  EXPECT_FALSE(remove_image(store, "a"));
  EXPECT_EQ(remove_image(store, "b")->blobs, 4U);
  EXPECT_FALSE(store.has(shared));
}

TEST_F(GarbageTest, AnImageWithTwoNamesKeepsItsBlobs) {
  store.set("again", add("a"));
  EXPECT_EQ(remove_image(store, "a")->blobs, 0U);
  EXPECT_EQ(store.verify(), std::vector<std::string>{});
}

TEST_F(GarbageTest, CollectsOldBlobsNobodyNeeds) {
  add("a");
  const Descriptor orphan = store.put("orphan", media_type::kLayerTar);
  EXPECT_EQ(collect_garbage(store, 1h).blobs, 0U);
  std::filesystem::last_write_time(store.blob_path(orphan.digest), std::filesystem::file_time_type::clock::now() - 2h);
  const Freed freed = collect_garbage(store, 1h);
  EXPECT_EQ(freed.blobs, 1U);
  EXPECT_EQ(freed.bytes, 6U);
  EXPECT_FALSE(store.has(orphan));
  EXPECT_EQ(store.verify(), std::vector<std::string>{});
}

TEST_F(GarbageTest, ADamagedImageCanBeRemovedAndHidesNothingElse) {
  const Descriptor a = add("a");
  const Descriptor b = add("b");
  write_file(store.blob_path(a.digest), std::string(a.size, '{'));
  try {
    collect_garbage(store, 0s);
    FAIL();
  } catch (const Error& error) {
    EXPECT_TRUE(error.message().starts_with("finding out which blobs are needed: ")) << error.message();
  }
  EXPECT_EQ(remove_image(store, "b")->blobs, 0U) << "a might need them";
  EXPECT_FALSE(store.find("b"));
  EXPECT_TRUE(store.has(b));
  EXPECT_EQ(remove_image(store, "a")->blobs, 1U);
  EXPECT_FALSE(store.has(a));
  EXPECT_EQ(collect_garbage(store, 0s).blobs, 6U);
}

TEST_F(GarbageTest, ClearLeavesAnEmptyStore) {
  add("a");
  write_file(store.derived_directory("segments") / "x", "made of a");
  clear(store);
  EXPECT_TRUE(store.names().empty());
  EXPECT_FALSE(store.has(shared));
  EXPECT_FALSE(std::filesystem::exists(store.derived_directory("segments") / "x"));
  EXPECT_EQ(Store{store.directory()}.verify(), std::vector<std::string>{});
}

}  // namespace
}  // namespace kiln::oci
