#include "oci/index_merge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"

namespace kiln::oci {
namespace {

/// "amd64=a" is image a for amd64, "arm64/v8=a" one with a variant, "a<-s" the attestation s of image a.
Descriptor entry(std::string_view text) {
  Descriptor out;
  out.media_type = media_type::kManifest;
  out.size = 1;
  if (const std::size_t arrow = text.find("<-"); arrow != std::string_view::npos) {
    out.digest = Digest::of(text.substr(arrow + 2));
    out.platform = Platform{"unknown", "unknown", ""};
    out.annotations = {{"vnd.docker.reference.type", "attestation-manifest"},
                       {"vnd.docker.reference.digest", Digest::of(text.substr(0, arrow)).to_string()}};
    return out;
  }
  const std::size_t equals = text.find('=');
  out.digest = Digest::of(text.substr(equals + 1));
  out.platform = Platform::parse(concat("linux/", text.substr(0, equals)));
  return out;
}

Index index(const std::vector<const char*>& entries) {
  Index out;
  for (const char* text : entries) out.manifests.push_back(entry(text));
  return out;
}

std::vector<std::string> digests(const Index& index) {
  std::vector<std::string> out;
  for (const Descriptor& entry : index.manifests) out.push_back(entry.digest.to_string());
  return out;
}

struct MergeCase {
  const char* name;
  std::vector<const char*> remote, local, merged;
};

const MergeCase kMerges[] = {
    {"NothingThere", {}, {"amd64=a"}, {"amd64=a"}},
    {"AnotherPlatform", {"arm64=b"}, {"amd64=a"}, {"amd64=a", "arm64=b"}},
    {"LocalWins", {"amd64=old", "arm64=b"}, {"amd64=a"}, {"amd64=a", "arm64=b"}},
    {"SupersetStaysAsItIs", {"arm64=b", "amd64=a"}, {"amd64=a"}, {"arm64=b", "amd64=a"}},
    {"VariantsAreTheirOwn", {"arm/v7=seven"}, {"arm/v6=six"}, {"arm/v6=six", "arm/v7=seven"}},
    {"ArmSixtyFourHasOneVariant", {"arm64/v8=old"}, {"arm64=b"}, {"arm64=b"}},
    {"AttestationsGoWithTheirImages",
     {"amd64=old", "arm64=b", "old<-s1", "b<-s2"},
     {"amd64=a"},
     {"amd64=a", "arm64=b", "b<-s2"}},
    {"DanglingOnesGo", {"arm64=b", "gone<-s"}, {"amd64=a"}, {"amd64=a", "arm64=b"}},
    {"LocalAttestations", {"amd64=old", "old<-s"}, {"amd64=a", "a<-s2"}, {"amd64=a", "a<-s2"}},
};

class Merge : public testing::TestWithParam<MergeCase> {};

TEST_P(Merge, KeepsWhatIsNotReplaced) {
  EXPECT_EQ(digests(merge_indexes(index(GetParam().remote), index(GetParam().local))),
            digests(index(GetParam().merged)));
}

INSTANTIATE_TEST_SUITE_P(Cases, Merge, testing::ValuesIn(kMerges), [](const auto& row) { return row.param.name; });

TEST(ReplaceImage, KeepsOtherPlatformsAndDropsWhatAttestedTheOld) {
  Index images = index({"arm64=b", "amd64=old", "old<-s"});
  replace_image(images, entry("amd64=a"), entry("a<-s2"));
  EXPECT_EQ(digests(images), digests(index({"amd64=a", "arm64=b", "a<-s2"})));
}

TEST(ReplaceImage, GivesTheSameIndexInAnyOrder) {
  Index one, other;
  replace_image(one, entry("amd64=a"));
  replace_image(one, entry("arm64=b"));
  replace_image(other, entry("arm64=b"));
  replace_image(other, entry("amd64=a"));
  EXPECT_EQ(to_json(one), to_json(other));
}

}  // namespace
}  // namespace kiln::oci
