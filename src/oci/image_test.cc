#include "oci/image.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/error.h"
#include "oci/testing.h"

namespace kiln::oci {
namespace {

using namespace testing_;
using testing::HasSubstr;
using testing::ThrowsMessage;

const Platform kArm64{"linux", "arm64", ""};
const Platform kAmd64{"linux", "amd64", ""};
const Platform kRiscv64{"linux", "riscv64", ""};

class FindImage : public testing::Test {
 protected:
  TempDir directory_;
  Store store_{directory_.path()};
  Reference reference_ = Reference::parse("localhost/a:1");
  TestImage arm64_ = make_image("arm64", {"layer 1", "layer 2"});
  TestImage amd64_ = make_image("amd64", {"layer 1", "layer 3"});
};

TEST_F(FindImage, ThePlatformsOfASparseIndex) {
  put_image(store_, arm64_);
  store_.set(reference_.canonical(), store_.put(make_index({amd64_, arm64_}), media_type::kIndex));
  const auto image = find_image(store_, reference_, kArm64);
  ASSERT_TRUE(image);
  EXPECT_EQ(image->descriptor.digest, arm64_.descriptor.digest);
  EXPECT_EQ(image->manifest.layers.size(), 2u);
  EXPECT_EQ(image->config.platform, kArm64);
  EXPECT_FALSE(find_image(store_, reference_, kAmd64));
  EXPECT_FALSE(find_image(store_, reference_, kRiscv64));
  EXPECT_FALSE(find_image(store_, Reference::parse("localhost/b"), kArm64));
}

TEST_F(FindImage, AMissingLayerIsAMissingImage) {
  put_image(store_, arm64_);
  store_.set(reference_.canonical(), arm64_.descriptor);
  EXPECT_TRUE(find_image(store_, reference_, kArm64));
  std::filesystem::remove(store_.blob_path(Digest::of("layer 2")));
  EXPECT_FALSE(find_image(store_, reference_, kArm64));
}

TEST_F(FindImage, ASingleManifestOfAnotherArchitectureIsAnError) {
  put_image(store_, arm64_);
  store_.set(reference_.canonical(), arm64_.descriptor);
  EXPECT_THAT([&] { find_image(store_, reference_, kAmd64); },
              ThrowsMessage<Error>("'localhost/a:1': it is an image for linux/arm64, expected linux/amd64"));
}

TEST_F(FindImage, EntriesWithoutPlatformAreJudgedByTheirConfig) {
  put_image(store_, arm64_);
  arm64_.descriptor.platform.reset();
  amd64_.descriptor.platform.reset();
  store_.set(reference_.canonical(), store_.put(make_index({amd64_, arm64_}), media_type::kIndex));
  EXPECT_TRUE(find_image(store_, reference_, kArm64));
  EXPECT_FALSE(find_image(store_, reference_, kAmd64));
}

TEST_F(FindImage, ByDigestUnderAnyName) {
  put_image(store_, arm64_);
  store_.set("localhost/other:2", arm64_.descriptor);
  const auto by_digest = Reference::parse("localhost/a@" + arm64_.descriptor.digest.to_string());
  EXPECT_TRUE(find_image(store_, by_digest, kArm64));
}

TEST_F(FindImage, DamageIsAnErrorNotAnAbsence) {
  put_image(store_, arm64_);
  store_.set(reference_.canonical(), arm64_.descriptor);
  std::string damaged = arm64_.manifest_json;
  damaged.back() = ' ';
  write_file(store_.blob_path(arm64_.descriptor.digest), damaged);
  EXPECT_THAT([&] { find_image(store_, reference_, kArm64); }, ThrowsMessage<Error>(HasSubstr("digest is sha256:")));
}

TEST_F(FindImage, ConfigAndManifestMustAgree) {
  TestImage image = make_image("arm64", {"layer 1", "layer 2"});
  put_image(store_, image);
  image.manifest.layers.pop_back();
  store_.set(reference_.canonical(), store_.put(to_json(image.manifest), media_type::kManifest));
  EXPECT_THAT(
      [&] { find_image(store_, reference_, kArm64); },
      ThrowsMessage<Error>("'localhost/a:1': its config lists 2 layers, its manifest 1: one of them is damaged"));
}

TEST_F(FindImage, WhatAttestsIt) {
  put_image(store_, arm64_);
  Descriptor attestation = arm64_.descriptor;
  attestation.digest = Digest::of("attestation");
  attestation.platform = Platform{"unknown", "unknown", ""};
  attestation.annotations = {{annotation::kReferenceType, "attestation-manifest"},
                             {annotation::kReferenceDigest, arm64_.descriptor.digest.to_string()}};
  Index index;
  index.media_type = media_type::kIndex;
  index.manifests = {arm64_.descriptor, amd64_.descriptor, attestation};
  store_.set(reference_.canonical(), store_.put(to_json(index), media_type::kIndex));
  const auto found = find_attestation(store_, reference_, arm64_.descriptor.digest);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->digest, attestation.digest);
  EXPECT_FALSE(find_attestation(store_, reference_, amd64_.descriptor.digest));
  EXPECT_FALSE(find_attestation(store_, Reference::parse("localhost/b"), arm64_.descriptor.digest));
  store_.set("localhost/b", arm64_.descriptor);
  EXPECT_FALSE(find_attestation(store_, Reference::parse("localhost/b"), arm64_.descriptor.digest));
}

class NameByDigest : public FindImage {
 protected:
  Reference exact_ = Reference::parse("localhost/a@" + arm64_.descriptor.digest.to_string());
};

TEST_F(NameByDigest, AnImageOfWhichEveryBlobIsThere) {
  put_image(store_, arm64_);
  EXPECT_TRUE(name_by_digest(store_, exact_));
  const auto image = find_image(store_, exact_, kArm64);
  ASSERT_TRUE(image);
  EXPECT_EQ(image->descriptor.digest, arm64_.descriptor.digest);
  EXPECT_TRUE(name_by_digest(store_, exact_));
}

TEST_F(NameByDigest, NothingThatIsNotThere) {
  EXPECT_FALSE(name_by_digest(store_, exact_));
  put_image(store_, arm64_);
  std::filesystem::remove(store_.blob_path(Digest::of("layer 2")));
  EXPECT_FALSE(name_by_digest(store_, exact_));
  EXPECT_FALSE(store_.find(exact_.canonical()));
}

TEST_F(NameByDigest, NoDamagedManifestAndNoIndex) {
  put_image(store_, arm64_);
  std::ofstream{store_.blob_path(arm64_.descriptor.digest)} << "{}";
  EXPECT_FALSE(name_by_digest(store_, exact_));
  const Descriptor index = store_.put(make_index({amd64_}), media_type::kIndex);
  EXPECT_FALSE(name_by_digest(store_, Reference::parse("localhost/a@" + index.digest.to_string())));
}

}  // namespace
}  // namespace kiln::oci
