#include "package/docker_archive.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "archive/compress.h"
#include "base/child_process.h"
#include "base/error.h"
#include "base/file.h"

namespace kiln::package {
namespace {

class DockerArchive : public testing::Test {
 protected:
  oci::Image image(const std::vector<std::string>& layers) {
    oci::Image out;
    oci::ImageConfig config;
    config.platform = {"linux", "arm64", ""};
    for (const std::string& layer : layers) {
      oci::Store::Writer blob = store_.write();
      archive::StreamCompressor gzip{archive::Codec::gzip, 6, blob};
      gzip.write(as_bytes(layer));
      gzip.finish();
      out.manifest.layers.push_back(blob.commit(oci::media_type::kLayerGzip));
      config.diff_ids.push_back(oci::Digest::of(layer));
    }
    out.config = config;
    out.manifest.config = store_.put(oci::to_json(config), oci::media_type::kConfig);
    return out;
  }

  /// What GNU tar makes of the archive.
  std::string tar(const std::vector<ArchivedImage>& images, std::vector<std::string> arguments) {
    StringSink archive;
    write_docker_archive(images, store_, archive);
    arguments.insert(arguments.begin(), "tar");
    return run_checked({std::move(arguments), {}, {}, archive.text()});
  }

  TempDir directory_;
  oci::Store store_{directory_.path()};
};

TEST_F(DockerArchive, HasWhatImagesShareOnce) {
  const oci::Image one = image({"base", "one"}), two = image({"base", "two"});
  const std::vector<ArchivedImage> images{{one, {"o/one:1", "o/one:latest"}}, {two, {}}};
  const auto layer = [](const char* content) { return oci::Digest::of(content).hex() + "/layer.tar"; };
  const std::string one_config = one.manifest.config.digest.hex() + ".json";
  const std::string two_config = two.manifest.config.digest.hex() + ".json";
  EXPECT_EQ(tar(images, {"-t"}), concat(one_config, "\n", layer("base"), "\n", layer("one"), "\n", two_config, "\n",
                                        layer("two"), "\nmanifest.json\n"));
  EXPECT_EQ(tar(images, {"-xO", layer("two")}), "two");
  EXPECT_EQ(tar(images, {"-xO", one_config}), oci::to_json(one.config));
  const auto manifest = nlohmann::json::parse(tar(images, {"-xO", "manifest.json"}));
  EXPECT_EQ(manifest, (nlohmann::json{
                          {{"Config", one_config},
                           {"RepoTags", {"o/one:1", "o/one:latest"}},
                           {"Layers", {layer("base"), layer("one")}}},
                          {{"Config", two_config}, {"RepoTags", nullptr}, {"Layers", {layer("base"), layer("two")}}}}));
}

TEST_F(DockerArchive, RefusesALayerThatIsNotWhatItsConfigSays) {
  oci::Image wrong = image({"base"});
  wrong.config.diff_ids = {oci::Digest::of("other")};
  StringSink archive;
  try {
    write_docker_archive({{wrong, {}}}, store_, archive);
    FAIL() << "was written";
  } catch (const Error& error) {
    EXPECT_EQ(error.message(),
              concat("layer ", wrong.manifest.layers[0].digest.to_string(), ": its content is ",
                     oci::Digest::of("base").to_string(), ", expected ", oci::Digest::of("other").to_string()));
  }
}

}  // namespace
}  // namespace kiln::package
