#include "package/sbom.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/file.h"
#include "oci/manifest.h"

namespace kiln::package {
namespace {

class Sbom : public testing::Test {
 protected:
  void SetUp() override {
    LayerFile file;
    file.content = composition_.spool.append("abc");
    composition_.files["usr/bin/tool"] = file;
    LayerFile link;
    link.type = '2';
    composition_.files["usr/bin/alias"] = link;
    composition_.files["etc/ours"] = file;
    composition_.time = 86400;
    DebianPackage package;
    package.name = "libfoo++1";
    package.version = "1.0-2";
    package.architecture = "arm64";
    package.source = "foo";
    package.source_version = "1.0-2";
    package.sha256 = std::string(64, 'a');
    composition_.origins.push_back({package, {"usr/bin/alias", "usr/bin/tool"}});
  }
  TempDir directory_;
  Composition composition_{directory_.path()};
};

TEST_F(Sbom, NamesPackagesAndTheirFiles) {
  const auto document = nlohmann::json::parse(spdx_document(composition_, "kiln/tool:1", "trixie"));
  EXPECT_EQ(document["spdxVersion"], "SPDX-2.3");
  EXPECT_EQ(document["creationInfo"]["created"], "1970-01-02T00:00:00Z");
  ASSERT_EQ(document["packages"].size(), 1U);
  EXPECT_EQ(document["packages"][0]["SPDXID"], "SPDXRef-Package-libfoo--1");
  EXPECT_EQ(document["packages"][0]["externalRefs"][0]["referenceLocator"],
            "pkg:deb/debian/libfoo%2B%2B1@1.0-2?arch=arm64&distro=debian-trixie");
  ASSERT_EQ(document["files"].size(), 1U);
  EXPECT_EQ(document["files"][0]["fileName"], "usr/bin/tool");
  // FIPS 180-4's example message.
  EXPECT_EQ(document["files"][0]["checksums"][0]["checksumValue"], "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(document["files"][0]["checksums"][1]["checksumValue"],
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(document["relationships"].size(), 2U);
}

TEST_F(Sbom, IsTheSameForTheSameContent) {
  EXPECT_EQ(spdx_document(composition_, "a", "trixie"), spdx_document(composition_, "a", "trixie"));
  EXPECT_NE(spdx_document(composition_, "a", "trixie"), spdx_document(composition_, "b", "trixie"));
}

TEST_F(Sbom, IsAnAttestationOfItsImage) {
  oci::Store store{directory_.path() / "store"};
  const oci::Descriptor image = store.put("{}", oci::media_type::kManifest);
  const std::string spdx = spdx_document(composition_, "a", "trixie");
  const oci::Descriptor attestation = store_attestation(spdx, "a", image, store);
  EXPECT_EQ(attestation.platform->to_string(), "unknown/unknown");
  EXPECT_EQ(attestation_target(attestation), image.digest.to_string());
  EXPECT_FALSE(attestation_target(image));
  const oci::Manifest manifest = oci::parse_manifest(store.read(attestation), "x");
  ASSERT_EQ(manifest.layers.size(), 1U);
  EXPECT_EQ(manifest.layers[0].media_type, "application/vnd.in-toto+json");
  EXPECT_EQ(manifest.layers[0].annotations.at("in-toto.io/predicate-type"), "https://spdx.dev/Document");
  const auto statement = nlohmann::json::parse(store.read(manifest.layers[0]));
  EXPECT_EQ(statement["subject"][0]["digest"]["sha256"], image.digest.hex());
  EXPECT_EQ(statement["predicate"], nlohmann::json::parse(spdx));
}

}  // namespace
}  // namespace kiln::package
