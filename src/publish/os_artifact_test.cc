#include "publish/os_artifact.h"

#include <gtest/gtest.h>

#include <functional>

#include "base/error.h"

namespace kiln::publish {
namespace {

OsArtifact sample() {
  OsArtifact artifact;
  artifact.architecture = "arm64";
  artifact.kernel = kernel_descriptor(oci::Digest::of("kernel"), 6);
  artifact.initramfs = {initramfs_descriptor(oci::Digest::of("one"), 3, 0),
                        initramfs_descriptor(oci::Digest::of("two"), 3, 1)};
  artifact.cmdline = cmdline_descriptor("quiet");
  artifact.script = script_descriptor("#!ipxe\n");
  artifact.root_size = 1234;
  return artifact;
}

TEST(OsArtifact, Manifest) {
  // Other tools see this: image-spec 1.1, "Guidelines for Artifact Usage".
  const std::string expected =
      R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",)"
      R"("artifactType":"application/vnd.kiln.os.v1",)"
      R"("config":{"mediaType":"application/vnd.oci.empty.v1+json",)"
      R"("digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2},"layers":[)"
      R"({"mediaType":"application/vnd.kiln.os.kernel.v1",)"
      R"("digest":"sha256:)" +
      oci::Digest::of("kernel").hex() +
      R"(","size":6,"annotations":{"org.opencontainers.image.title":"kernel"}},)"
      R"({"mediaType":"application/vnd.kiln.os.initramfs.v1","digest":"sha256:)" +
      oci::Digest::of("one").hex() +
      R"(","size":3,"annotations":{"org.opencontainers.image.title":"initramfs.000"}},)"
      R"({"mediaType":"application/vnd.kiln.os.initramfs.v1","digest":"sha256:)" +
      oci::Digest::of("two").hex() +
      R"(","size":3,"annotations":{"org.opencontainers.image.title":"initramfs.001"}},)"
      R"({"mediaType":"application/vnd.kiln.os.cmdline.v1","digest":"sha256:)" +
      oci::Digest::of("quiet").hex() +
      R"(","size":5,"annotations":{"org.opencontainers.image.title":"cmdline"}},)"
      R"({"mediaType":"application/vnd.kiln.os.ipxe.v1","digest":"sha256:)" +
      oci::Digest::of("#!ipxe\n").hex() +
      R"(","size":7,"annotations":{"org.opencontainers.image.title":"boot.ipxe"}}],)"
      R"("annotations":{"vnd.kiln.os.architecture":"arm64","vnd.kiln.os.root-size":"1234"}})";
  EXPECT_EQ(to_json(to_manifest(sample())), expected);
}

TEST(OsArtifact, ThereAndBack) {
  const std::string json = to_json(to_manifest(sample()));
  const OsArtifact artifact = parse_os_artifact(oci::parse_manifest(json, "m"), "m");
  EXPECT_EQ(to_json(to_manifest(artifact)), json);
}

TEST(OsArtifact, LayersOfOtherKindsAreLeftAlone) {
  oci::Manifest manifest = to_manifest(sample());
  manifest.layers.insert(manifest.layers.begin(), empty_descriptor());
  EXPECT_EQ(parse_os_artifact(manifest, "m").initramfs.size(), 2U);
}

TEST(OsArtifact, ScriptNamesBlobsByDigest) {
  IpxeScript script = script_of(sample(), "quiet");
  script.beside_script = true;
  EXPECT_EQ(to_text(script),
            "#!ipxe\n"
            "dhcp\n"
            "set base-url ${cwduri}\n"
            "set kernel-params ip=dhcp nomodeset ro serial console=ttyAMA0,115200 earlycon quiet initrd=s1 initrd=s2\n"
            "initrd --name s1 ${base-url}" +
                oci::Digest::of("one").to_string() +
                "\n"
                "initrd --name s2 ${base-url}" +
                oci::Digest::of("two").to_string() +
                "\n"
                "kernel --name kernel ${base-url}" +
                oci::Digest::of("kernel").to_string() +
                " ${kernel-params}\n"
                "imgstat\n"
                "boot\n");
}

struct BadCase {
  const char* name;
  std::function<void(oci::Manifest&)> change;
  const char* message;
};

const BadCase kBad[] = {
    {"Image",
     [](oci::Manifest& m) {
       m.artifact_type = "";
       m.config.media_type = oci::media_type::kConfig;
     },
     "m: it is an image (config 'application/vnd.oci.image.config.v1+json'), not an operating system"},
    {"OtherArtifact", [](oci::Manifest& m) { m.artifact_type = "application/x"; },
     "m: it is an artifact of type 'application/x', not an operating system"},
    {"NoArchitecture", [](oci::Manifest& m) { m.annotations.erase("vnd.kiln.os.architecture"); },
     "m: annotation vnd.kiln.os.architecture is '', expected one as 'arm64'"},
    {"OddArchitecture", [](oci::Manifest& m) { m.annotations["vnd.kiln.os.architecture"] = "../x"; },
     "m: annotation vnd.kiln.os.architecture is '../x', expected one as 'arm64'"},
    {"OddSize", [](oci::Manifest& m) { m.annotations["vnd.kiln.os.root-size"] = "-1"; },
     "m: annotation vnd.kiln.os.root-size is '-1', expected a number of bytes"},
    {"NoKernel", [](oci::Manifest& m) { m.layers.erase(m.layers.begin()); }, "m: it has no kernel"},
    {"TwoKernels", [](oci::Manifest& m) { m.layers.push_back(m.layers.front()); }, "m: it has more than one kernel"},
    {"NoInitramfs", [](oci::Manifest& m) { m.layers.erase(m.layers.begin() + 1, m.layers.begin() + 3); },
     "m: it has no initramfs"},
};

class BadArtifacts : public testing::TestWithParam<BadCase> {};

TEST_P(BadArtifacts, Message) {
  oci::Manifest manifest = to_manifest(sample());
  GetParam().change(manifest);
  try {
    parse_os_artifact(manifest, "m");
    FAIL() << "it was taken";
  } catch (const Error& error) {
    EXPECT_EQ(error.message(), GetParam().message);
  }
}

INSTANTIATE_TEST_SUITE_P(All, BadArtifacts, testing::ValuesIn(kBad), [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace kiln::publish
