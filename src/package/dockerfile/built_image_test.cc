#include "package/dockerfile/built_image.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "archive/decompress.h"
#include "base/error.h"
#include "base/file.h"
#include "oci/manifest.h"

namespace kiln::package {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

const oci::Platform kArm{"linux", "arm64", ""};

/// A layout as buildah leaves one, and a store to take it into.
class BuiltImage : public testing::Test {
 protected:
  oci::Descriptor put(const std::string& text, const char* media_type) {
    oci::Descriptor descriptor;
    descriptor.media_type = media_type;
    descriptor.digest = oci::Digest::of(text);
    descriptor.size = text.size();
    make_directories(layout() / "blobs/sha256");
    write_file(layout() / "blobs/sha256" / descriptor.digest.hex(), text);
    return descriptor;
  }

  void write_layout(const std::vector<std::string>& layers, const Json& config) {
    oci::Manifest manifest;
    manifest.media_type = oci::media_type::kManifest;
    manifest.annotations = {{"org.opencontainers.image.base.name", "localhost/tmp/x"}};
    for (const std::string& layer : layers) manifest.layers.push_back(put(layer, oci::media_type::kLayerTar));
    manifest.config = put(config.dump(), oci::media_type::kConfig);
    oci::Index index;
    index.manifests = {put(oci::to_json(manifest), oci::media_type::kManifest)};
    write_file(layout() / "index.json", oci::to_json(index));
  }

  static Json config(const std::vector<std::string>& layers, const char* architecture = "arm64") {
    Json out = {{"architecture", architecture}, {"os", "linux"}, {"rootfs", {{"type", "layers"}}}};
    out["rootfs"]["diff_ids"] = Json::array();
    for (const std::string& layer : layers) out["rootfs"]["diff_ids"].push_back(oci::Digest::of(layer).to_string());
    return out;
  }

  std::string message_of_failure() {
    try {
      take_built_image(layout(), kArm, {}, store_);
    } catch (const Error& error) {
      return error.message();
    }
    return "it was taken";
  }

  fs::path layout() const { return directory_.path() / "layout"; }
  TempDir directory_;
  oci::Store store_{directory_.path() / "store"};
};

TEST_F(BuiltImage, HasItsLayersCompressedAndThoseOfTheBaseAsTheyWere) {
  const std::string base = std::string(2000, 'b'), own = std::string(2000, 'o');
  write_layout({base, own}, config({base, own}));
  const oci::Descriptor original = store_.put("compressed some other way", oci::media_type::kLayerZstd);
  BaseImage offered;
  offered.layers[oci::Digest::of(base)] = original;
  const oci::Descriptor image = take_built_image(layout(), kArm, {offered}, store_);
  EXPECT_EQ(image.platform, kArm);
  const oci::Manifest manifest = oci::parse_manifest(store_.read(image), "m");
  ASSERT_EQ(manifest.layers.size(), 2U);
  EXPECT_EQ(manifest.layers[0].digest, original.digest);
  EXPECT_EQ(manifest.layers[0].media_type, oci::media_type::kLayerZstd);
  EXPECT_EQ(manifest.layers[1].media_type, oci::media_type::kLayerGzip);
  EXPECT_LT(manifest.layers[1].size, own.size());
  const UniqueFd blob = store_.open(manifest.layers[1]);
  FdSource source{blob.get(), "blob"};
  EXPECT_EQ(read_text(*archive::decompress(source, "blob"), 1 << 20, "blob"), own);
  EXPECT_TRUE(manifest.annotations.empty());
}

TEST_F(BuiltImage, ForgetsTheEngineAndThisMachine) {
  Json told = config({"layer"});
  told["variant"] = "v8";
  told["config"] = {{"Labels", {{"a", "b"}, {"io.buildah.version", "1.28.2"}}}};
  told["history"] = Json::array({{{"created_by", "RUN x"}, {"comment", "FROM localhost/home/me/x:latest"}},
                                 {{"comment", "buildkit.dockerfile.v0"}}});
  write_layout({"layer"}, told);
  const oci::Manifest manifest = oci::parse_manifest(store_.read(take_built_image(layout(), kArm, {}, store_)), "m");
  Json wanted = config({"layer"});
  wanted["config"] = {{"Labels", {{"a", "b"}}}};
  wanted["history"] = Json::array({{{"created_by", "RUN x"}}, {{"comment", "buildkit.dockerfile.v0"}}});
  EXPECT_EQ(store_.read(manifest.config), wanted.dump());
}

TEST_F(BuiltImage, IsFoundInsideOfAnIndex) {
  write_layout({"layer"}, config({"layer"}));
  const std::string inner = read_file(layout() / "index.json");
  oci::Index outer;
  outer.manifests = {put(inner, oci::media_type::kIndex)};
  write_file(layout() / "index.json", oci::to_json(outer));
  EXPECT_EQ(take_built_image(layout(), kArm, {}, store_).platform, kArm);
}

TEST_F(BuiltImage, IsForThePlatform) {
  write_layout({"layer"}, config({"layer"}, "amd64"));
  EXPECT_EQ(message_of_failure(), "the engine has built for linux/amd64, expected linux/arm64");
}

TEST_F(BuiltImage, IsWhole) {
  write_layout({"layer"}, config({"layer", "another"}));
  EXPECT_EQ(message_of_failure(), "the engine's image has 1 layers, and 2 in its configuration");
  write_layout({"layer"}, config({"layer"}));
  write_file(layout() / "blobs/sha256" / oci::Digest::of("layer").hex(), "other");
  EXPECT_EQ(message_of_failure(), concat("layer ", oci::Digest::of("layer").to_string(), " has the content of ",
                                         oci::Digest::of("other").to_string()));
}

TEST_F(BuiltImage, IsMissed) {
  make_directories(layout());
  write_file(layout() / "index.json", oci::to_json(oci::Index{}));
  EXPECT_EQ(message_of_failure(), "the engine's image has no linux/arm64");
}

TEST_F(BuiltImage, BuildsOnBasesThatBuildahAccepts) {
  const std::string plain = config({"x", "y"}).dump();
  oci::Image image;
  image.reference = oci::Reference::parse("host:5000/team/alpine:3.20");
  image.manifest.config = store_.put(plain, oci::media_type::kConfig);
  for (const char* layer : {"x", "y"}) {
    image.manifest.layers.push_back(store_.put(layer, "application/vnd.docker.image.rootfs.diff.tar.gzip"));
  }
  image.config = oci::parse_image_config(plain, "c");
  image.descriptor = store_.put(oci::to_json(image.manifest), oci::media_type::kManifest);
  const fs::path work = directory_.path() / "work";
  const BaseImage base = offer_base_image(image, 3, store_, work);
  EXPECT_EQ(base.name, "kiln-base-3");
  EXPECT_EQ(base.layout, concat("host-5000/team/alpine-3.20-", image.descriptor.digest.hex().substr(0, 12)));
  EXPECT_EQ(base.layers.size(), 2U);
  const oci::Index index = oci::parse_index(read_file(work / base.layout / "index.json"), "i");
  ASSERT_EQ(index.manifests.size(), 1U);
  EXPECT_EQ(index.manifests[0].digest, base.digest);
  const fs::path blobs = work / base.layout / "blobs/sha256";
  const oci::Manifest manifest = oci::parse_manifest(read_file(blobs / base.digest.hex()), "m");
  EXPECT_EQ(manifest.layers[0].media_type, oci::media_type::kLayerGzip);
  EXPECT_EQ(read_file(blobs / manifest.layers[1].digest.hex()), "y");
  const Json offered = Json::parse(read_file(blobs / manifest.config.digest.hex()));
  EXPECT_EQ(offered["variant"], "v8");
  EXPECT_EQ(offered["history"].size(), 2U);
}

}  // namespace
}  // namespace kiln::package
