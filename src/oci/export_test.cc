#include "oci/export.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "oci/import.h"
#include "oci/testing.h"

namespace kiln::oci {
namespace {

const Reference kName = Reference::parse("example.org/team/app:1");

class ExportTest : public testing::Test {
 protected:
  Image put(const testing_::TestImage& image) {
    testing_::put_image(store, image);
    store.set(kName.canonical(), image.descriptor);
    return *find_image(store, kName, Platform::parse(image.descriptor.platform->architecture));
  }

  TempDir directory;
  Store store{directory.path() / "store"};
  Store other{directory.path() / "other"};
};

TEST_F(ExportTest, ALayoutIsImportedAsItWas) {
  const Image image = put(testing_::make_image("arm64", {"one", "two", "one"}));
  StringSink first;
  export_oci(store, image, Reference::parse("team/renamed:2"), first);
  MemorySource tar{as_bytes(first.text())};
  const ImportedImages images = import_images(tar, "a", other);
  ASSERT_EQ(images.size(), 1U);
  EXPECT_EQ(images[0].first, "docker.io/team/renamed:2");
  EXPECT_EQ(images[0].second.digest, image.descriptor.digest);
  EXPECT_EQ(other.verify(), std::vector<std::string>{});
  StringSink second;
  export_oci(other, *find_image(other, Reference::parse("team/renamed:2"), Platform::parse("arm64")),
             Reference::parse("team/renamed:2"), second);
  EXPECT_EQ(first.text(), second.text());
}

TEST_F(ExportTest, ADamagedBlobIsNotHandedOn) {
  const Image image = put(testing_::make_image("amd64", {"content"}));
  const auto path = store.blob_path(image.manifest.layers[0].digest);
  write_file(path, "CONTENT");
  for (const auto& write : {export_oci, export_docker}) {
    StringSink out;
    try {
      write(store, image, kName, out);
      FAIL() << "it was exported";
    } catch (const Error& error) {
      EXPECT_EQ(error.message(), concat("blob in the store: digest is ", Digest::of("CONTENT").to_string(),
                                        ", expected ", image.manifest.layers[0].digest.to_string()));
    }
  }
}

}  // namespace
}  // namespace kiln::oci
