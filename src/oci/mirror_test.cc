#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/file.h"
#include "oci/fake_registry.h"
#include "oci/pull.h"
#include "oci/registry.h"
#include "oci/test_server.h"

namespace kiln::oci {
namespace {

using namespace testing_;
using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// A registry, a mirror of it, and a client that knows both.
class Mirrors : public testing::Test {
 protected:
  RegistryOptions options() {
    RegistryOptions options;
    options.certificate_directories.clear();
    options.stall_timeout = 1s;
    options.first_delay = 1ms;
    options.longest_delay = 10ms;
    options.attempts = 4;
    options.mirrors = {MirrorSpec::parse(concat(registry_.address(), "=http://", mirror_.address(), "/hub"))};
    options.warn = [this](const std::string& message) { warnings_.push_back(message); };
    return options;
  }
  std::string fetch() {
    HttpRegistry registry{options()};
    StringSink sink;
    registry.blob(registry_.reference("a"), blob_, 0, sink);
    return sink.take();
  }
  static std::size_t blobs_asked(TestRegistry& registry) { return registry.server().count("GET", "/blobs/"); }

  const TestImage image_ = make_image("arm64", {"layer"});
  const std::string content_ = std::string(100'000, 'a') + std::string(100'000, 'b');
  const Descriptor blob_ = describe(content_, media_type::kLayerTar);
  std::vector<std::string> warnings_;
  TestRegistry registry_, mirror_;
};

TEST_F(Mirrors, WhatTheMirrorHasComesFromThere) {
  mirror_.add_image("hub/a", "v1", image_);
  HttpRegistry registry{options()};
  EXPECT_EQ(registry.manifest(registry_.reference("a:v1"))->content, image_.manifest_json);
  EXPECT_EQ(registry.manifest_descriptor(registry_.reference("a:v1"))->digest, image_.descriptor.digest);
  EXPECT_THAT(registry_.server().requests(), IsEmpty());
}

TEST_F(Mirrors, WhatItDoesNotHaveComesFromTheRegistry) {
  registry_.add_image("a", "v1", image_);
  registry_.add_blob(content_);
  HttpRegistry registry{options()};
  EXPECT_EQ(registry.manifest(registry_.reference("a:v1"))->content, image_.manifest_json);
  EXPECT_FALSE(registry.manifest(registry_.reference("a:v2")));
  EXPECT_EQ(fetch(), content_);
  EXPECT_THAT(warnings_, IsEmpty());
}

TEST_F(Mirrors, PushingGoesToTheRegistry) {
  HttpRegistry registry{options()};
  registry.push_manifest(registry_.reference("a:v1"), image_.manifest_json, media_type::kManifest);
  EXPECT_TRUE(registry_.manifest("a", "v1"));
  EXPECT_THAT(mirror_.server().requests(), IsEmpty());
}

TEST_F(Mirrors, WhatDecidesWhatIsPushedComesFromTheRegistry) {
  mirror_.add_image("hub/a", "v1", make_image("arm64", {"older"}));
  mirror_.add_image("hub/a", "gone", image_);
  registry_.add_image("a", "v1", image_);
  RegistryOptions options = this->options();
  options.use_mirrors = false;
  HttpRegistry registry{options};
  EXPECT_EQ(registry.manifest(registry_.reference("a:v1"))->content, image_.manifest_json);
  EXPECT_EQ(registry.manifest_descriptor(registry_.reference("a:v1"))->digest, image_.descriptor.digest);
  EXPECT_FALSE(registry.manifest(registry_.reference("a:gone")));
  EXPECT_THAT(mirror_.server().requests(), IsEmpty());
}

TEST_F(Mirrors, OneThatIsGoneIsAskedOnceAndWarnedOfOnce) {
  registry_.add_image("a", "v1", image_);
  RegistryOptions options = this->options();
  std::string gone;
  {
    TestServer server{[](const TestRequest&) { return TestReply{}; }};
    gone = server.address();
  }
  options.mirrors = {MirrorSpec::parse("http://" + gone)};
  HttpRegistry registry{options};
  EXPECT_TRUE(registry.manifest(registry_.reference("a:v1")));
  EXPECT_TRUE(registry.manifest(registry_.reference("a:v1")));
  EXPECT_THAT(warnings_,
              ElementsAre(testing::AllOf(
                  testing::StartsWith(concat("mirror '", gone, "' (--mirror http://", gone, "): registry '")),
                  testing::EndsWith(concat("; going on with '", registry_.address(), "'")))));
}

TEST_F(Mirrors, OneThatFailsIsPassedOver) {
  registry_.add_image("a", "v1", image_);
  for (const int status : {500, 403, 404}) {
    mirror_.set_spoil([status](const TestRequest&, TestReply& reply) { reply = {status, {}, "", {}, {}, true}; });
    HttpRegistry registry{options()};
    EXPECT_TRUE(registry.manifest(registry_.reference("a:v1"))) << status;
  }
  EXPECT_THAT(warnings_, ElementsAre(HasSubstr("it answered 500, 2 times in a row"),
                                     HasSubstr("refuses access to 'hub/a': it answered 403; found no login for it")));
}

TEST_F(Mirrors, NextMirrorBeforeTheRegistry) {
  TestRegistry second;
  second.add_image("a", "v1", image_);
  RegistryOptions options = this->options();
  options.mirrors.push_back(MirrorSpec::parse(concat(registry_.address(), "=http://", second.address())));
  HttpRegistry registry{options};
  EXPECT_TRUE(registry.manifest(registry_.reference("a:v1")));
  EXPECT_THAT(registry_.server().requests(), IsEmpty());
}

TEST_F(Mirrors, ABlobCutOffAtTheMirrorIsContinuedAtTheRegistry) {
  mirror_.add_blob(content_);
  registry_.add_blob(content_);
  int cuts = 0;
  mirror_.set_spoil([&cuts](const TestRequest& request, TestReply& reply) {
    if (!request.is("GET", "/blobs/")) return;
    if (cuts++ == 0) {
      reply.cut_at = 180'000;
    } else {
      reply = {503, {}, "", {}, {}, true};
    }
  });
  EXPECT_EQ(fetch(), content_);
  EXPECT_EQ(registry_.server().requests().back().header("range"), "bytes=180000-");
}

TEST_F(Mirrors, WhatTheCallersSinkThrowsIsNoFailureOfTheMirror) {
  mirror_.add_blob(content_);
  registry_.add_blob(content_);
  struct Full final : Sink {
    void write(Bytes) override { throw Error{"no space left"}; }
  } full;
  HttpRegistry registry{options()};
  EXPECT_THAT([&] { registry.blob(registry_.reference("a"), blob_, 0, full); },
              testing::ThrowsMessage<Error>("no space left"));
  EXPECT_EQ(blobs_asked(registry_), 0U);
}

TEST_F(Mirrors, AManifestThatIsNotTheDigestsComesFromTheRegistry) {
  registry_.add_image("a", "v1", image_);
  mirror_.add_image("hub/a", "v1", image_);
  mirror_.set_spoil([](const TestRequest&, TestReply& reply) {
    if (!reply.body.empty()) reply.body.back() = ' ';
  });
  HttpRegistry registry{options()};
  const Reference reference = registry_.reference(concat("a@", image_.descriptor.digest.to_string()));
  EXPECT_EQ(registry.manifest(reference)->content, image_.manifest_json);
  EXPECT_THAT(warnings_, ElementsAre(HasSubstr("manifest: digest is ")));
}

TEST_F(Mirrors, ADamagedLayerComesFromTheRegistry) {
  registry_.add_image("a", "v1", image_);
  mirror_.add_image("hub/a", "v1", image_);
  mirror_.set_spoil([](const TestRequest& request, TestReply& reply) {
    if (request.is("GET", "/blobs/")) reply.body.front() ^= 1;
  });
  TempDir directory;
  Store store{directory.path() / "store"};
  HttpRegistry registry{options()};
  ThreadPool pool{2};
  SilentReporter reporter;
  const Image image =
      pull_image(registry_.reference("a:v1"), Platform::parse("linux/arm64"), store, registry, pool, reporter);
  EXPECT_EQ(image.descriptor.digest, image_.descriptor.digest);
  EXPECT_THAT(store.verify(), IsEmpty());
}

TEST_F(Mirrors, RegistriesConfIsReadWhenARegistryIsAsked) {
  TempDir directory;
  const auto file = directory.path() / "registries.conf";
  write_file(file, concat("[[registry]]\nlocation = '", registry_.address(), "'\n[[registry.mirror]]\nlocation = '",
                          mirror_.address(), "/elsewhere'\n"));
  mirror_.add_image("elsewhere/a", "v1", image_);
  RegistryOptions options = this->options();
  options.mirrors.clear();
  options.registries_conf = {file};
  HttpRegistry registry{options};
  EXPECT_TRUE(registry.manifest(registry_.reference("a:v1")));
  EXPECT_THAT(registry_.server().requests(), IsEmpty());
}

}  // namespace
}  // namespace kiln::oci
