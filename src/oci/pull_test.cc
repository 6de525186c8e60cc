#include "oci/pull.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "oci/fake_registry.h"
#include "oci/push.h"

namespace kiln::oci {
namespace {

using namespace testing_;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::ThrowsMessage;

const Platform kArm64{"linux", "arm64", ""};
const Platform kAmd64{"linux", "amd64", ""};

std::string digest_of(const std::string& text) { return Digest::of(text).to_string(); }

/// Records what every layer's sink got; "+" when it was committed, "-" when it was dropped.
class RecordingObserver final : public PullObserver {
 public:
  std::unique_ptr<LayerSink> begin_layer(const Descriptor& layer) override {
    struct Record final : LayerSink {
      Record(RecordingObserver& to, std::string name) : observer{to}, digest{std::move(name)} {}
      ~Record() override { (*observer.seen.lock())[digest] += committed ? "+" : "-"; }
      void write(Bytes data) override { (*observer.seen.lock())[digest] += as_text(data); }
      void commit() override { committed = true; }
      RecordingObserver& observer;
      std::string digest;
      bool committed = false;
    };
    return std::make_unique<Record>(*this, layer.digest.to_string());
  }
  std::string of(const std::string& layer) { return (*seen.lock())[digest_of(layer)]; }

  Guarded<std::map<std::string, std::string>> seen;
};

class PullImage : public testing::Test {
 protected:
  PullImage() {
    remote_.add_image("localhost/a:arm64", arm64_);
    remote_.add_image("localhost/a:amd64", amd64_);
    remote_.add_manifest("localhost/a:1", index_);
  }

  Image pull(const std::string& name, const Platform& platform = kArm64, PullOptions options = {}) {
    return pull_image(Reference::parse(name), platform, store_, remote_, downloads_, reporter_, &observer_, options);
  }
  std::filesystem::path partial(const std::string& layer) {
    return store_.derived_directory("downloads") / Digest::of(layer).hex();
  }
  /// The store is as if nothing had been asked of it.
  void expect_nothing_recorded() {
    EXPECT_THAT(store_.names(), IsEmpty());
    EXPECT_FALSE(store_.has(arm64_.descriptor));
  }

  TempDir directory_;
  Store store_{directory_.path()};
  FakeRegistry remote_;
  ThreadPool downloads_{2};
  SilentReporter reporter_;
  RecordingObserver observer_;
  TestImage arm64_ = make_image("arm64", {"layer 1", "layer 2", "layer 1"});
  TestImage amd64_ = make_image("amd64", {"layer 1", "layer 3"});
  std::string index_ = make_index({amd64_, arm64_});
};

TEST_F(PullImage, OnlyThePlatformThatIsWanted) {
  const Image image = pull("localhost/a:1");
  EXPECT_EQ(image.descriptor.digest, arm64_.descriptor.digest);
  EXPECT_EQ(image.config.platform, kArm64);
  EXPECT_EQ(store_.find("localhost/a:1")->digest, Digest::of(index_));
  EXPECT_FALSE(store_.has(amd64_.descriptor));
  EXPECT_THAT(store_.verify(), IsEmpty());
  EXPECT_EQ(observer_.of("layer 1"), "layer 1+");  // twice in the image, once on the wire
  EXPECT_EQ(observer_.of("layer 2"), "layer 2+");
}

TEST_F(PullImage, WhatIsInTheStoreNeedsNoRegistry) {
  pull("localhost/a:1");
  remote_.asked.lock()->clear();
  EXPECT_EQ(pull("localhost/a:1").descriptor.digest, arm64_.descriptor.digest);
  EXPECT_THAT(remote_.requests(), IsEmpty());
}

TEST_F(PullImage, AnotherPlatformOfTheSameIndexIsFetchedByDigest) {
  pull("localhost/a:1");
  remote_.add_manifest("localhost/a:1", make_index({}));  // the tag moves
  remote_.asked.lock()->clear();
  EXPECT_EQ(pull("localhost/a:1", kAmd64).descriptor.digest, amd64_.descriptor.digest);
  EXPECT_THAT(remote_.requests(), Not(Contains("manifest localhost/a:1")));
  EXPECT_THAT(remote_.requests(), Not(Contains(HasSubstr(digest_of("layer 1")))));
}

TEST_F(PullImage, RefreshAsksWhetherTheTagMoved) {
  pull("localhost/a:1");
  remote_.asked.lock()->clear();
  pull("localhost/a:1", kArm64, {true});
  EXPECT_THAT(remote_.requests(), ElementsAre("head localhost/a:1"));
  const TestImage newer = make_image("arm64", {"layer 4"});
  remote_.add_image("localhost/a:1", newer);
  EXPECT_EQ(pull("localhost/a:1").descriptor.digest, arm64_.descriptor.digest);
  EXPECT_EQ(pull("localhost/a:1", kArm64, {true}).descriptor.digest, newer.descriptor.digest);
  EXPECT_EQ(pull("localhost/a:1").descriptor.digest, newer.descriptor.digest);
}

TEST_F(PullImage, ByDigest) {
  const std::string name = "localhost/a@" + digest_of(index_);
  EXPECT_EQ(pull(name).descriptor.digest, arm64_.descriptor.digest);
  EXPECT_TRUE(store_.find(name));
}

TEST_F(PullImage, EntriesWithoutPlatform) {
  arm64_.descriptor.platform.reset();
  amd64_.descriptor.platform.reset();
  remote_.add_manifest("localhost/a:bare", make_index({amd64_, arm64_}));
  EXPECT_EQ(pull("localhost/a:bare").descriptor.digest, arm64_.descriptor.digest);
  EXPECT_EQ(pull("localhost/a:bare").config.platform, kArm64);
}

TEST_F(PullImage, ContinuesWhatAnEarlierProcessLeft) {
  write_file(partial("layer 2"), "laye");
  pull("localhost/a:1");
  EXPECT_THAT(remote_.requests(), Contains("blob " + digest_of("layer 2") + " from 4"));
  EXPECT_EQ(observer_.of("layer 2"), "layer 2+");
  EXPECT_FALSE(std::filesystem::exists(partial("layer 2")));
  EXPECT_THAT(store_.verify(), IsEmpty());
}

TEST_F(PullImage, StartsAnewWhenWhatWasLeftIsDamaged) {
  write_file(partial("layer 2"), "LAY");
  write_file(partial("layer 1"), "layer 1 and more");
  pull("localhost/a:1");
  EXPECT_EQ(observer_.of("layer 2"), "LAYer 2-layer 2+");
  EXPECT_EQ(observer_.of("layer 1"), "layer 1+");
  EXPECT_THAT(store_.verify(), IsEmpty());
}

TEST_F(PullImage, ABrokenDownloadIsKeptForTheNextTime) {
  remote_.on_blob = [](const Descriptor&, std::uint64_t, Sink& sink) {
    sink.write(as_bytes("lay"));
    throw Error{"cut off"};
  };
  ThreadPool one{1};  // with more, layer 2 may fail first and stop layer 1
  EXPECT_THAT(
      [&] { pull_image(Reference::parse("localhost/a:1"), kArm64, store_, remote_, one, reporter_); },
      ThrowsMessage<Error>(concat("pulling 'localhost/a:1': layer 1 of 3 (", digest_of("layer 1"), "): cut off")));
  expect_nothing_recorded();
  EXPECT_EQ(read_file(partial("layer 1")), "lay");
  remote_.on_blob = nullptr;
  pull("localhost/a:1");
  EXPECT_THAT(remote_.requests(), Contains("blob " + digest_of("layer 1") + " from 3"));
}

TEST_F(PullImage, AWrongLayer) {
  remote_.blobs[digest_of("layer 2")] = "Layer 2";
  EXPECT_THAT([&] { pull("localhost/a:1"); },
              ThrowsMessage<Error>(concat("pulling 'localhost/a:1': layer 2 of 3 (", digest_of("layer 2"),
                                          "): digest is ", digest_of("Layer 2"), ", expected ", digest_of("layer 2"))));
  expect_nothing_recorded();
  EXPECT_EQ(observer_.of("layer 2"), "Layer 2-");
  EXPECT_FALSE(std::filesystem::exists(partial("layer 2")));
}

TEST_F(PullImage, AnObserversErrorEndsThePull) {
  struct Refusing final : PullObserver {
    std::unique_ptr<LayerSink> begin_layer(const Descriptor&) override {
      struct Refusal final : LayerSink {
        void write(Bytes) override { throw Error{"entry 7 '../x': leaves the root"}; }
        void commit() override {}
      };
      return std::make_unique<Refusal>();
    }
  } observer;
  ThreadPool one{1};  // with more, layer 2 may fail first and stop layer 1
  EXPECT_THAT(
      [&] { pull_image(Reference::parse("localhost/a:1"), kArm64, store_, remote_, one, reporter_, &observer); },
      ThrowsMessage<Error>(HasSubstr("layer 1 of 3 (" + digest_of("layer 1") + "): entry 7 '../x': leaves the root")));
  expect_nothing_recorded();
}

TEST_F(PullImage, Mistakes) {
  TestImage odd = make_image("arm64", {"layer 1", "layer 2"});
  odd.manifest.layers.pop_back();
  remote_.add_manifest("localhost/a:odd", to_json(odd.manifest));
  remote_.blobs[odd.manifest.config.digest.to_string()] = odd.config_json;
  remote_.add_manifest("localhost/a:truncated", arm64_.manifest_json.substr(0, 60));
  TestImage bad_config = make_image("arm64", {"layer 5"});
  remote_.add_image("localhost/a:config", bad_config);
  remote_.blobs[bad_config.manifest.config.digest.to_string()] = "{}";
  TestImage lost = make_image("arm64", {"layer 6"});
  remote_.add_manifest("localhost/a:lost", make_index({lost}));
  remote_.add_manifest("localhost/a:other", R"({"mediaType":"a/b"})");
  const struct {
    std::string name, message;
  } cases[] = {
      {"localhost/none", "registry 'localhost' has no such image"},
      {"localhost/a:amd64", "image: it is an image for linux/amd64, expected linux/arm64"},
      {"localhost/a:odd", "image: its config lists 2 layers, its manifest 1: one of them is damaged"},
      {"localhost/a:config",
       concat("config: digest is ", digest_of("{}"), ", expected ", bad_config.manifest.config.digest.to_string())},
      {"localhost/a:lost",
       concat("the registry does not have manifest ", lost.descriptor.digest.to_string(), " of its own index")},
      {"localhost/a:other", "it is 'a/b', expected an image manifest or an index"},
  };
  for (const auto& bad : cases) {
    EXPECT_THAT([&] { pull(bad.name); }, ThrowsMessage<Error>(concat("pulling ", quote(bad.name), ": ", bad.message)));
  }
  EXPECT_THAT(
      [&] { pull("localhost/a:truncated"); },
      ThrowsMessage<Error>(HasSubstr("manifest: it is not valid JSON: syntax error or truncation at byte 61 of 60")));
  EXPECT_THAT(
      [&] {
        pull("localhost/a:1", {"linux", "s390x", ""});
      },
      ThrowsMessage<Error>("pulling 'localhost/a:1': there is no image for linux/s390x; there is: linux/amd64, "
                           "linux/arm64"));
  expect_nothing_recorded();
}

TEST_F(PullImage, ConcurrentPullsShareTheirDownloads) {
  {
    ThreadPool other_pool{2};
    std::thread other{
        [&] { pull_image(Reference::parse("localhost/a:1"), kAmd64, store_, remote_, other_pool, reporter_); }};
    pull("localhost/a:1");
    other.join();
  }
  EXPECT_TRUE(find_image(store_, Reference::parse("localhost/a:1"), kArm64));
  EXPECT_TRUE(find_image(store_, Reference::parse("localhost/a:1"), kAmd64));
  EXPECT_THAT(store_.verify(), IsEmpty());
  EXPECT_TRUE(std::filesystem::is_empty(store_.derived_directory("downloads")));
  const auto requests = remote_.requests();
  EXPECT_EQ(std::count(requests.begin(), requests.end(), "blob " + digest_of("layer 1") + " from 0"), 1);
}

// --- pushing -----------------------------------------------------------------------------------------------------

class PushImage : public PullImage {
 protected:
  Descriptor push(const std::string& target, std::vector<Platform> platforms = {}) {
    return push_image(store_, Reference::parse("localhost/a:1"), Reference::parse(target), remote_, downloads_,
                      reporter_, {std::move(platforms)});
  }
};

TEST_F(PushImage, AnIndexWithAllItsImages) {
  pull("localhost/a:1");
  pull("localhost/a:1", kAmd64);
  remote_.manifests.clear();
  remote_.blobs.clear();
  EXPECT_EQ(push("localhost/b:2").digest, Digest::of(index_));
  EXPECT_EQ(remote_.manifests.at("localhost/b:2"), index_);
  EXPECT_EQ(remote_.manifests.at("localhost/b@" + arm64_.descriptor.digest.to_string()), arm64_.manifest_json);
  EXPECT_EQ(remote_.blobs.size(), 5u);
  EXPECT_EQ(remote_.requests().back(), "push localhost/b:2");
  EXPECT_THAT(remote_.requests(), Contains("push " + digest_of("layer 3") + " mounting a"));
}

TEST_F(PushImage, ASparseIndexNeedsAChoice) {
  pull("localhost/a:1");
  EXPECT_THAT([&] { push("localhost/b:2"); },
              ThrowsMessage<Error>("pushing 'localhost/b:2': the store does not have its image for linux/amd64"));
  EXPECT_THAT(
      [&] {
        push("localhost/b:2", {{"linux", "s390x", ""}});
      },
      ThrowsMessage<Error>("pushing 'localhost/b:2': its index has no linux/s390x; it has: linux/amd64, linux/arm64"));
  push("localhost/b:2", {kArm64});
  EXPECT_EQ(remote_.manifests.at("localhost/b:2"), make_index({arm64_}));
}

TEST_F(PushImage, OneImage) {
  pull("localhost/a:arm64");
  const Reference name = Reference::parse("localhost/a:arm64");
  const Reference target = Reference::parse("elsewhere.example/b:2");
  push_image(store_, name, target, remote_, downloads_, reporter_);
  EXPECT_EQ(remote_.manifests.at("elsewhere.example/b:2"), arm64_.manifest_json);
  EXPECT_THAT([&] { push_image(store_, name, target, remote_, downloads_, reporter_, {{kArm64}}); },
              ThrowsMessage<Error>(HasSubstr("it is one image, not an index")));
  EXPECT_THAT([&] { push("localhost/b:2"); },
              ThrowsMessage<Error>("pushing 'localhost/b:2': the store has no image 'localhost/a:1'"));
}

TEST_F(PushImage, ADamagedStoreIsNoticedBeforeAnythingIsTagged) {
  pull("localhost/a:arm64");
  write_file(store_.blob_path(Digest::of("layer 2")), "short");
  const Reference target = Reference::parse("localhost/b:2");
  EXPECT_THAT(
      [&] { push_image(store_, Reference::parse("localhost/a:arm64"), target, remote_, downloads_, reporter_); },
      ThrowsMessage<Error>(HasSubstr("layer 2 of 3 (" + digest_of("layer 2") + "): blob " + digest_of("layer 2") +
                                     ": it has 5 bytes, expected 7")));
  EXPECT_FALSE(remote_.manifests.contains("localhost/b:2"));
}

}  // namespace
}  // namespace kiln::oci
