#include "oci/manifest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"

namespace kiln::oci {
namespace {

const std::string kA = "sha256:" + std::string(64, 'a');
const std::string kB = "sha256:" + std::string(64, 'b');

std::string descriptor(const std::string& digest, const std::string& more = "") {
  return R"({"mediaType":"x/y","digest":")" + digest + R"(","size":7)" + more + "}";
}

TEST(Manifest, OciAndDocker) {
  for (const char* type : {media_type::kManifest, media_type::kDockerManifest}) {
    const std::string json = concat(R"({"schemaVersion":2,"mediaType":")", type, R"(","config":)", descriptor(kA),
                                    R"(,"layers":[)", descriptor(kB), R"(],"annotations":{"a":"b"},"new":[1]})");
    const Manifest manifest = parse_manifest(json, "m");
    EXPECT_EQ(manifest.media_type, type);
    EXPECT_EQ(manifest.config.digest.to_string(), kA);
    EXPECT_EQ(manifest.config.size, 7u);
    ASSERT_EQ(manifest.layers.size(), 1u);
    EXPECT_EQ(manifest.layers[0].media_type, "x/y");
    EXPECT_EQ(manifest.annotations.at("a"), "b");
  }
}

TEST(Manifest, MediaTypeAndSchemaVersionMayBeAbsent) {
  EXPECT_EQ(parse_manifest(R"({"config":)" + descriptor(kA) + R"(,"layers":null})", "m").media_type,
            media_type::kManifest);
  EXPECT_EQ(parse_index(R"({"manifests":[]})", "i").media_type, media_type::kIndex);
}

TEST(Index, EntriesWithAndWithoutPlatform) {
  const std::string platform = R"(,"platform":{"architecture":"arm64","os":"linux","variant":"v8","os.version":"1"})";
  const Index index = parse_index(
      R"({"manifests":[)" + descriptor(kA, platform) + "," + descriptor(kB, R"(,"platform":null)") + "]}", "i");
  ASSERT_EQ(index.manifests.size(), 2u);
  EXPECT_EQ(index.manifests[0].platform, (Platform{"linux", "arm64", "v8"}));
  EXPECT_EQ(index.manifests[1].platform, std::nullopt);
}

TEST(ImageConfig, TheParts) {
  const ImageConfig config = parse_image_config(
      R"({"architecture":"arm64","os":"linux","created":"2020-01-01T00:00:00Z","config":{"Entrypoint":["/e"],
          "Cmd":null,"Env":["A=1","B=2"],"WorkingDir":"/w","User":"u","StopSignal":"SIGQUIT","Labels":{"k":"v"},
          "ExposedPorts":{"80/tcp":{}}},"rootfs":{"type":"layers","diff_ids":[")" +
          kA + R"("]},"history":[{}]})",
      "c");
  EXPECT_EQ(config.platform, (Platform{"linux", "arm64", ""}));
  EXPECT_THAT(config.entrypoint, testing::ElementsAre("/e"));
  EXPECT_THAT(config.cmd, testing::IsEmpty());
  EXPECT_THAT(config.env, testing::ElementsAre("A=1", "B=2"));
  EXPECT_EQ(config.working_dir, "/w");
  EXPECT_EQ(config.user, "u");
  EXPECT_EQ(config.stop_signal, "SIGQUIT");
  EXPECT_EQ(config.labels.at("k"), "v");
  ASSERT_EQ(config.diff_ids.size(), 1u);
  EXPECT_EQ(config.diff_ids[0].to_string(), kA);
}

struct BadJson {
  std::string json;
  std::string message;
};

const std::string kConfig = R"("config":)" + descriptor(kA);

TEST(Manifest, BadOnes) {
  const BadJson cases[] = {
      {"", "m: it is empty, expected JSON"},
      {R"({"config":)", "m: it is not valid JSON: syntax error or truncation at byte 11 of 10"},
      {"\"\xff\"", "m: it is not valid JSON: syntax error or truncation at byte 2 of 3"},
      {"[1e999]", "m: it is not valid JSON: a number is out of range"},
      {std::string(100, '['), "m: it is nested deeper than 64 levels"},
      {"[]", "m: expected an object, got an array"},
      {"{}", "m: it has no 'config'"},
      {R"({"manifests":[]})", "m: it is an index, expected a manifest"},
      {R"({"manifests":[],)" + kConfig + "}", "m: it has the members of an index and of a manifest, so it is neither"},
      {R"({"schemaVersion":1})",
       "m: it is a Docker schema 1 manifest, which has no digests to verify; push the image again with a current tool"},
      {R"({"schemaVersion":3})", "m: schemaVersion is 3, expected 2"},
      {R"({"mediaType":"a/b",)" + kConfig + "}", "m: mediaType is 'a/b', expected that of a manifest"},
      {R"({"mediaType":7,)" + kConfig + "}", "m: mediaType: expected a string, got a number"},
      {R"({"config":[]})", "m: config: expected an object, got an array"},
      {R"({"config":{"size":1}})", "m: config: it has no 'digest'"},
      {R"({"config":{"digest":")" + kA + R"("}})", "m: config: it has no 'size'"},
      {R"({"config":{"digest":"sha256:1","size":1}})",
       "m: config.digest: digest 'sha256:1': expected sha256:<64 hex digits>, got 1 digits"},
      {R"({"config":{"digest":")" + kA + R"(","size":-1}})", "m: config.size: expected a size, got a number"},
      {R"({"config":{"digest":")" + kA + R"(","size":1.5}})", "m: config.size: expected a size, got a number"},
      {R"({"config":{"digest":")" + kA + R"(","size":9223372036854775808}})", "m: config.size: the size is too large"},
      {"{" + kConfig + R"(,"layers":{}})", "m: layers: expected an array, got an object"},
      {"{" + kConfig + R"(,"layers":[null]})", "m: layers[0]: expected an object, got a null"},
      {"{" + kConfig + R"(,"layers":[)" + descriptor(kB) + R"(,{"digest":7,"size":1}]})",
       "m: layers[1].digest: expected a string, got a number"},
      {"{" + kConfig + R"(,"annotations":{"a\u001b":1}})", "m: annotations['a\\x1b']: expected a string, got a number"},
  };
  for (const BadJson& bad : cases) {
    EXPECT_THAT([&] { parse_manifest(bad.json, "m"); }, testing::ThrowsMessage<Error>(bad.message)) << bad.json;
  }
  EXPECT_THAT([] { parse_manifest(std::string((16 << 20) + 1, ' '), "m"); },
              testing::ThrowsMessage<Error>("m: it has 16777217 bytes, more than 16777216"));
}

TEST(Index, BadOnes) {
  const BadJson cases[] = {
      {R"({"layers":[]})", "i: it is a manifest, expected an index"},
      {R"({"mediaType":")" + std::string{media_type::kManifest} + R"("})",
       "i: mediaType is '" + std::string{media_type::kManifest} + "', expected that of an index"},
      {R"({"manifests":[{"digest":")" + kA + R"(","size":1,"platform":7}]})",
       "i: manifests[0].platform: expected an object, got a number"},
      {R"({"manifests":[{"digest":")" + kA + R"(","size":1,"platform":{"os":["linux"]}}]})",
       "i: manifests[0].platform.os: expected a string, got an array"},
  };
  for (const BadJson& bad : cases) {
    EXPECT_THAT([&] { parse_index(bad.json, "i"); }, testing::ThrowsMessage<Error>(bad.message)) << bad.json;
  }
}

TEST(ImageConfig, BadOnes) {
  const BadJson cases[] = {
      {"7", "c: expected an object, got a number"},
      {R"({"config":{"Env":"A=1"}})", "c: config.Env: expected an array, got a string"},
      {R"({"config":{"Cmd":["a",1]}})", "c: config.Cmd[1]: expected a string, got a number"},
      {R"({"config":{"Labels":{"a":null}}})", "c: config.Labels['a']: expected a string, got a null"},
      {R"({"rootfs":{"diff_ids":["x"]}})",
       "c: rootfs.diff_ids[0]: digest 'x': expected sha256:<64 hex digits>, got no algorithm"},
  };
  for (const BadJson& bad : cases) {
    EXPECT_THAT([&] { parse_image_config(bad.json, "c"); }, testing::ThrowsMessage<Error>(bad.message)) << bad.json;
  }
}

TEST(Json, WrittenInTheSpecificationsOrder) {
  Descriptor config{media_type::kConfig, Digest::parse(kA), 7, {}, {}, ""};
  Descriptor entry{media_type::kManifest,          Digest::parse(kB),        9,
                   Platform{"linux", "arm", "v7"}, {{"b", "2"}, {"a", "1"}}, ""};
  EXPECT_EQ(to_json(Manifest{"", config, {entry}, {{"x", "y"}}, ""}),
            R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":)"
            R"("application/vnd.oci.image.config.v1+json","digest":")" +
                kA +
                R"(","size":7},"layers":[{"mediaType":)"
                R"("application/vnd.oci.image.manifest.v1+json","digest":")" +
                kB +
                R"(","size":9,"annotations":)"
                R"({"a":"1","b":"2"},"platform":{"architecture":"arm","os":"linux","variant":"v7"}}],"annotations":)"
                R"({"x":"y"}})");
  EXPECT_EQ(to_json(Index{"", {}, {}, "t/u"}),
            R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","artifactType":"t/u",)"
            R"("manifests":[]})");
  ImageConfig image;
  image.platform.architecture = "arm64";
  image.cmd = {"/x"};
  image.diff_ids = {Digest::parse(kA)};
  EXPECT_EQ(to_json(image), R"({"architecture":"arm64","os":"linux","config":{"Cmd":["/x"]},"rootfs":{"type":"layers",)"
                            R"("diff_ids":[")" +
                                kA + R"("]}})");
}

TEST(Json, WhatIsWrittenReadsBack) {
  ImageConfig config;
  config.platform = {"linux", "arm", "v7"};
  config.entrypoint = {"/e"};
  config.env = {"A=\"1\""};
  config.labels = {{"k", "\n"}};
  config.user = "1:2";
  config.working_dir = "/w";
  config.stop_signal = "9";
  const ImageConfig back = parse_image_config(to_json(config), "c");
  EXPECT_EQ(back.platform, config.platform);
  EXPECT_EQ(to_json(back), to_json(config));
}

TEST(Json, RefusesTextThatIsNotUtf8) {
  ImageConfig config;
  config.user = "\xff";
  EXPECT_THAT([&] { to_json(config); }, testing::ThrowsMessage<Error>("writing JSON: a text in it is not UTF-8"));
}

}  // namespace
}  // namespace kiln::oci
