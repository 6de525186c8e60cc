#include "oci/import.h"

#include <gtest/gtest.h>

#include "archive/tar_writer.h"
#include "base/error.h"
#include "oci/manifest.h"
#include "oci/testing.h"

namespace kiln::oci {
namespace {

using testing_::TestImage;

/// A tar of files and links, in the order they are added.
class Tar {
 public:
  Tar& file(const std::string& path, std::string_view content) {
    add({.path = path, .type = '0', .mode = 0644, .size = content.size()});
    text_ += content;
    text_.append(archive::tar_padding(content.size()), '\0');
    return *this;
  }
  Tar& symlink(const std::string& path, const std::string& target) {
    add({.path = path, .type = '2', .mode = 0777, .link = target});
    return *this;
  }
  std::string take() { return text_ + std::string{archive::tar_end()}; }

 private:
  void add(const archive::TarHeader& header) { archive::append_tar_header(text_, header); }
  std::string text_;
};

std::string blob_path(const std::string& content) { return "blobs/sha256/" + Digest::of(content).hex(); }

class ImportTest : public testing::Test {
 protected:
  TempDir directory;
  Store store{directory.path() / "store"};
  TestImage image = testing_::make_image("amd64", {"layer one", "layer two"});

  std::string index_of(const std::string& annotations) const {
    return concat(
        R"({"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":")",
        image.descriptor.digest.to_string(), R"(","size":)", image.descriptor.size, R"(,"annotations":{)", annotations,
        "}}]}");
  }

  Tar layout(const std::string& annotations) const {
    Tar tar;
    tar.file("oci-layout", R"({"imageLayoutVersion":"1.0.0"})").file("./index.json", index_of(annotations));
    for (const std::string& blob : {image.manifest_json, image.config_json, image.layers[0], image.layers[1]}) {
      tar.file(blob_path(blob), blob);
    }
    return tar;
  }

  ImportedImages import(const std::string& tar, const std::string& name = "") {
    MemorySource source{as_bytes(tar)};
    return import_images(source, "archive 'a.tar'", store, name);
  }

  std::string failure(const std::string& tar, const std::string& name = "") {
    try {
      import(tar, name);
    } catch (const Error& error) {
      return error.message();
    }
    return "it did not fail";
  }
};

TEST_F(ImportTest, TakesTheNamesOfALayout) {
  struct Case {
    const char* name;
    const char* annotations;
    const char* expected;
  };
  constexpr Case kCases[] = {
      {"Containerd", R"("io.containerd.image.name":"docker.io/team/app:1","org.opencontainers.image.ref.name":"1")",
       "docker.io/team/app:1"},
      {"ShortName", R"("io.containerd.image.name":"app:1")", "docker.io/library/app:1"},
      {"Skopeo", R"("org.opencontainers.image.ref.name":"example.org/team/app:2")", "example.org/team/app:2"},
  };
  for (const Case& c : kCases) {
    const ImportedImages images = import(layout(c.annotations).take());
    ASSERT_EQ(images.size(), 1U) << c.name;
    EXPECT_EQ(images[0].first, c.expected) << c.name;
    EXPECT_EQ(store.find(c.expected)->digest, image.descriptor.digest) << c.name;
    EXPECT_TRUE(store.find(c.expected)->annotations.empty()) << c.name;
  }
  EXPECT_EQ(store.verify(), std::vector<std::string>{});
}

TEST_F(ImportTest, GivesANameToAnImageWithout) {
  const std::string tar = layout(R"("org.opencontainers.image.ref.name":"1.0")").take();
  EXPECT_EQ(failure(tar), "archive 'a.tar': it has images but no names for them");
  EXPECT_TRUE(store.names().empty());
  EXPECT_EQ(import(tar, "team/app:3")[0].first, "docker.io/team/app:3");
  EXPECT_TRUE(store.find("docker.io/team/app:3"));
}

TEST_F(ImportTest, ReadsADirectory) {
  Store from{directory.path() / "from"};
  testing_::put_image(from, image);
  from.set("example.org/team/app:1", image.descriptor);
  const ImportedImages images = import_layout(directory.path() / "from", store);
  ASSERT_EQ(images.size(), 1U);
  EXPECT_EQ(images[0].first, "example.org/team/app:1");
  EXPECT_EQ(store.verify(), std::vector<std::string>{});
  EXPECT_THROW(import_layout(directory.path(), store), Error);
}

TEST_F(ImportTest, ReadsADockerArchive) {
  const std::string plain = Tar{}.file("a", "a").take();
  const std::string config = concat(R"({"architecture":"arm64","os":"linux","rootfs":{"type":"layers","diff_ids":[")",
                                    Digest::of(plain).to_string(), R"(",")", Digest::of(plain).to_string(), R"("]}})");
  const std::string manifest = R"([{"Config":"c.json","RepoTags":["team/app:1","example.org/x/y:2"],)"
                               R"("Layers":["l/layer.tar","./m/layer.tar"]}])";
  Tar tar;
  tar.file("l/layer.tar", plain).file("l/VERSION", "1.0").symlink("m/layer.tar", "../l/layer.tar");
  tar.file("c.json", config).file("manifest.json", manifest).file("repositories", "{}");
  const ImportedImages images = import(tar.take());
  ASSERT_EQ(images.size(), 2U);
  EXPECT_EQ(images[0].first, "docker.io/team/app:1");
  EXPECT_EQ(images[1].first, "example.org/x/y:2");
  const auto found = find_image(store, Reference::parse("team/app:1"), Platform::parse("linux/arm64"));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->manifest.layers.size(), 2U);
  EXPECT_EQ(found->manifest.layers[0].media_type, media_type::kLayerTar);
  EXPECT_EQ(store.verify(), std::vector<std::string>{});
}

TEST_F(ImportTest, RefusesWhatIsNotWhole) {
  const std::string plain = Tar{}.file("a", "a").take();
  const std::string config =
      R"({"architecture":"arm64","os":"linux","rootfs":{"diff_ids":[")" + Digest::of("other").to_string() + R"("]}})";
  const std::string name = R"("io.containerd.image.name":"docker.io/team/app:1")";
  struct Case {
    const char* name;
    std::string tar, message;
  };
  const Case kCases[] = {
      {"Nothing", Tar{}.take(),
       "archive 'a.tar': it is neither an OCI image layout nor a Docker archive: it has no index.json and no "
       "manifest.json"},
      {"WrongBlob", Tar{}.file(blob_path("x"), "y").take(),
       concat("archive 'a.tar': '", blob_path("x"), "': digest is ", Digest::of("y").to_string(), ", expected ",
              Digest::of("x").to_string())},
      {"BlobWithoutDigest", Tar{}.file("blobs/sha256/x", "y").take(),
       "archive 'a.tar': 'blobs/sha256/x' is not named by a digest"},
      {"MissingManifest", Tar{}.file("index.json", index_of(name)).take(),
       concat("archive 'a.tar': blob ", image.descriptor.digest.to_string(), " is missing from it")},
      {"MissingLayer",
       Tar{}
           .file("index.json", index_of(name))
           .file(blob_path(image.manifest_json), image.manifest_json)
           .file(blob_path(image.config_json), image.config_json)
           .file(blob_path("layer one"), "layer one")
           .take(),
       concat("archive 'a.tar': blob ", Digest::of("layer two").to_string(), " is missing from it")},
      {"EmptyIndex", Tar{}.file("index.json", R"({"schemaVersion":2,"manifests":[]})").take(),
       "archive 'a.tar': index.json: it lists no images"},
      {"DockerLayerMissing",
       Tar{}.file("c.json", config).file("manifest.json", R"([{"Config":"c.json","Layers":["l.tar"]}])").take(),
       "archive 'a.tar': layer 'l.tar' is missing from it"},
      {"DockerLayerWrong",
       Tar{}
           .file("l.tar", plain)
           .file("c.json", config)
           .file("manifest.json", R"([{"Config":"c.json","RepoTags":["a:1"],"Layers":["l.tar"]}])")
           .take(),
       concat("archive 'a.tar': layer 'l.tar': digest is ", Digest::of(plain).to_string(), ", expected ",
              Digest::of("other").to_string())},
      {"DockerConfigMissing", Tar{}.file("manifest.json", R"([{"Config":"c.json","Layers":[]}])").take(),
       "archive 'a.tar': configuration 'c.json' is missing from it"},
  };
  for (const Case& c : kCases) {
    EXPECT_EQ(failure(c.tar), c.message) << c.name;
  }
  EXPECT_TRUE(store.names().empty());
}

}  // namespace
}  // namespace kiln::oci
