// With a script in docker's place, which has one image and writes down what it is asked.
#include "package/engine_images.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>

#include "archive/compress.h"
#include "base/error.h"
#include "base/file.h"

namespace kiln::package {
namespace {

using testing::HasSubstr;

constexpr char kDocker[] = R"(#!/bin/sh
here=${0%/*}
echo "$*" >> "$here/asked"
case "$1 $2" in
  "version --format") test -e "$here/runs" ;;
  "image inspect") test "$3" = docker.io/team/app:1 && cat "$here/inspect" ;;
  "image save") cat "$here/archive"; test ! -e "$here/fails" || { echo "no space left" >&2; exit 1; } ;;
  "load --input") cat "$3" > "$here/loaded" ;;
esac
)";

class EngineImagesTest : public testing::Test {
 protected:
  void SetUp() override {
    put("docker", kDocker);
    ::chmod((directory_.path() / "docker").c_str(), 0755);
    put("runs", "");
    has("one");
    path_ = std::getenv("PATH");
    ::setenv("PATH", concat(directory_.path().string(), ":", path_).c_str(), 1);
  }
  void TearDown() override { ::setenv("PATH", path_.c_str(), 1); }

  void put(const char* name, std::string_view content) { write_file(directory_.path() / name, content); }
  std::string said(const char* name) { return read_file(directory_.path() / name, 1 << 20); }

  /// Docker's image now has this layer, and its digest for an ID.
  void has(const std::string& layer) {
    oci::Store store{directory_.path() / "docker-store"};
    oci::Image image;
    image.config.platform = {"linux", "arm64", ""};
    image.config.diff_ids = {oci::Digest::of(layer)};
    image.manifest.layers = {store.put(layer, oci::media_type::kLayerTar)};
    image.manifest.config = store.put(oci::to_json(image.config), oci::media_type::kConfig);
    StringSink archive;
    write_docker_archive({{image, {"team/app:1"}}}, store, archive);
    put("archive", archive.text());
    put("inspect", concat(R"([{"Id": "sha256:)", image.manifest.config.digest.hex(),
                          R"(", "Os": "linux", "Architecture": "arm64", "Variant": "v8"}])"));
  }

  std::optional<oci::Image> image(const char* name = "team/app:1", const char* platform = "linux/arm64") {
    return EngineImages::find("--docker").image(oci::Reference::parse(name), oci::Platform::parse(platform), store_);
  }
  std::size_t times_saved() {
    std::size_t times = 0;
    const std::string asked = said("asked");
    for (std::size_t at = 0; (at = asked.find("image save", at)) != std::string::npos; ++at) ++times;
    return times;
  }

  TempDir directory_;
  oci::Store store_{directory_.path() / "store"};
  std::string path_;
};

TEST_F(EngineImagesTest, AnImageIsTakenOnceAndAgainWhenItHasChanged) {
  const auto first = image();
  ASSERT_TRUE(first);
  EXPECT_EQ(first->reference.canonical(), "docker.io/team/app:1");
  EXPECT_EQ(first->config.diff_ids, std::vector{oci::Digest::of("one")});
  EXPECT_TRUE(store_.has(first->manifest.layers.at(0)));
  EXPECT_EQ(image()->descriptor.digest, first->descriptor.digest);
  EXPECT_EQ(times_saved(), 1U);
  has("two");
  EXPECT_EQ(image()->config.diff_ids, std::vector{oci::Digest::of("two")});
  EXPECT_EQ(times_saved(), 2U);
}

TEST_F(EngineImagesTest, WhatTheCacheHasUnderTheNameStays) {
  const oci::Descriptor other = store_.put("{}", oci::media_type::kManifest);
  store_.set("docker.io/team/app:1", other);
  EXPECT_TRUE(image());
  EXPECT_EQ(store_.find("docker.io/team/app:1")->digest, other.digest);
}

TEST_F(EngineImagesTest, OneOfAnotherNameOrPlatformIsNone) {
  EXPECT_FALSE(image("team/app:2"));
  EXPECT_FALSE(image("team/app:1", "linux/amd64"));
  EXPECT_EQ(times_saved(), 0U);
}

TEST_F(EngineImagesTest, OneThatIsGoneFromTheStoreIsTakenAgain) {
  const auto first = image();
  std::filesystem::remove(store_.blob_path(first->manifest.layers.at(0).digest));
  EXPECT_TRUE(store_.has(image()->manifest.layers.at(0)));
  EXPECT_EQ(times_saved(), 2U);
}

TEST_F(EngineImagesTest, FailuresAreTold) {
  put("inspect", "[]");
  EXPECT_THAT([&] { image(); }, testing::ThrowsMessage<Error>(
                                    "taking 'docker.io/team/app:1' from docker: what 'docker image inspect' says: "
                                    "expected one image, got 0"));
  has("one");
  put("archive", said("archive").substr(0, 700));
  EXPECT_THAT([&] { image(); },
              testing::ThrowsMessage<Error>(HasSubstr("from docker: what 'docker image save' writes: ")));
  put("fails", "");
  EXPECT_THAT([&] { image(); }, testing::ThrowsMessage<Error>("taking 'docker.io/team/app:1' from docker: running "
                                                              "'docker': it ended with status 1: no space left"));
  EXPECT_TRUE(store_.names().empty());
}

TEST_F(EngineImagesTest, ADockerThatDoesNotAnswerIsPassedOver) {
  std::filesystem::remove(directory_.path() / "runs");
  ::setenv("PATH", directory_.path().c_str(), 1);
  EXPECT_THAT([] { EngineImages::find("--docker"); },
              testing::ThrowsMessage<Error>("--docker: no docker answers, and there is no podman"));
  put("podman", kDocker);
  ::chmod((directory_.path() / "podman").c_str(), 0755);
  EXPECT_EQ(EngineImages::find("--docker").program(), "podman");
}

TEST_F(EngineImagesTest, ImagesAreLoadedAndTagged) {
  const EngineImages engine = EngineImages::find("--docker");
  engine.load({{*image(), {"team/app:1-arm64"}}}, store_);
  EXPECT_THAT(said("loaded"), HasSubstr(R"("RepoTags":["team/app:1-arm64"])"));
  engine.tag("a:1", "b:2");
  EXPECT_THAT(said("asked"), testing::EndsWith("\ntag a:1 b:2\n"));
}

}  // namespace
}  // namespace kiln::package
