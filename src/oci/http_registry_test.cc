#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "oci/registry.h"
#include "oci/test_server.h"

namespace kiln::oci {
namespace {

using namespace testing_;
using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::ThrowsMessage;

RegistryOptions quick() {
  RegistryOptions options;
  options.certificate_directories.clear();
  options.stall_timeout = 1s;
  options.first_delay = 1ms;
  options.longest_delay = 10ms;
  options.attempts = 4;
  return options;
}

/// Deterministic bytes that do not repeat soon.
std::string noise(std::size_t size) {
  std::string out(size, '\0');
  std::uint32_t state = 1;
  for (char& c : out) {
    state = state * 1664525 + 1013904223;
    c = static_cast<char>(state >> 24);
  }
  return out;
}

class HttpBlob : public testing::Test {
 protected:
  HttpBlob() { remote_.add_blob(content_); }

  std::string fetch(std::uint64_t offset = 0) {
    StringSink sink;
    HttpRegistry registry{quick()};
    registry.blob(remote_.reference("a/b"), blob_, offset, sink);
    return sink.take();
  }
  /// Spoils the first `times` answers to GETs of blobs.
  void spoil(int times, std::function<void(const TestRequest&, TestReply&)> how) {
    remote_.set_spoil([times, how](const TestRequest& request, TestReply& reply) mutable {
      if (request.is("GET", "/blobs/") && times-- > 0) how(request, reply);
    });
  }

  const std::string content_ = noise(1'000'000);
  const Descriptor blob_ = describe(content_, media_type::kLayerTar);
  TestRegistry remote_;
};

TEST_F(HttpBlob, WholeAndFromAnOffset) {
  EXPECT_EQ(fetch(), content_);
  EXPECT_EQ(fetch(999'999), content_.substr(999'999));
  EXPECT_EQ(fetch(1'000'000), "");
}

TEST_F(HttpBlob, CutAtNinetyPercentThenContinued) {
  spoil(1, [](const TestRequest&, TestReply& reply) { reply.cut_at = 900'000; });
  EXPECT_EQ(fetch(), content_);
  EXPECT_EQ(remote_.server().requests().back().header("range"), "bytes=900000-");
}

TEST_F(HttpBlob, CutAgainAndAgainButAlwaysFurther) {
  spoil(9, [](const TestRequest&, TestReply& reply) { reply.cut_at = 100'000; });
  EXPECT_EQ(fetch(), content_);  // more cuts than attempts: progress counts
}

TEST_F(HttpBlob, CutWhereNoLengthWasAnnounced) {
  spoil(1, [](const TestRequest&, TestReply& reply) {
    reply.announce_length = false;
    reply.cut_at = 500'000;
  });
  EXPECT_EQ(fetch(), content_);
}

TEST_F(HttpBlob, RangeIgnoredByTheServer) {
  spoil(2, [&](const TestRequest& request, TestReply& reply) {
    if (request.header("range").empty()) {
      reply.cut_at = 900'000;
    } else {
      reply.status = 200;
      reply.headers.clear();
      reply.body = content_;
    }
  });
  EXPECT_EQ(fetch(), content_);
}

TEST_F(HttpBlob, RangeRefusedByTheServer) {
  spoil(100, [&](const TestRequest& request, TestReply& reply) {
    if (!request.header("range").empty()) reply.status = 416;
  });
  EXPECT_EQ(fetch(400'000), content_.substr(400'000));
}

TEST_F(HttpBlob, ErrorsThatPass) {
  for (const int status : {500, 502, 503, 504, 429}) {
    spoil(3, [status](const TestRequest&, TestReply& reply) {
      reply.status = status;
      reply.headers = {"Retry-After: 0"};
    });
    EXPECT_EQ(fetch(), content_) << status;
  }
}

TEST_F(HttpBlob, ErrorsThatStay) {
  spoil(100, [](const TestRequest&, TestReply& reply) {
    reply.status = 500;
    reply.body = "";
  });
  EXPECT_THAT([&] { fetch(); },
              ThrowsMessage<Error>(concat("registry '", remote_.address(),
                                          "': got 0 of 1000000 bytes, then 4 times in a row: it answered 500")));
}

TEST_F(HttpBlob, StalledTransfersAreBrokenOffAndContinued) {
  spoil(1, [](const TestRequest&, TestReply& reply) { reply.stall_at = 300'000; });
  EXPECT_EQ(fetch(), content_);
}

TEST_F(HttpBlob, StallThatStays) {
  RegistryOptions options = quick();
  options.attempts = 1;
  spoil(100, [](const TestRequest&, TestReply& reply) { reply.stall_at = 7; });
  HttpRegistry registry{options};
  StringSink sink;
  EXPECT_THAT([&] { registry.blob(remote_.reference("a"), blob_, 0, sink); },
              ThrowsMessage<Error>(HasSubstr("got 7 of 1000000 bytes, then 1 times in a row: '" + remote_.address() +
                                             "': nothing was transferred for 1 s")));
}

TEST_F(HttpBlob, MoreBytesThanAnnouncedByTheManifest) {
  spoil(100, [](const TestRequest&, TestReply& reply) { reply.body += "x"; });
  EXPECT_THAT([&] { fetch(); }, ThrowsMessage<Error>("the registry has 1000001 bytes, expected 1000000"));
  spoil(100, [](const TestRequest&, TestReply& reply) {
    reply.announce_length = false;
    reply.body += "x";
  });
  EXPECT_THAT([&] { fetch(); }, ThrowsMessage<Error>("the registry sends more than the expected 1000000 bytes"));
  EXPECT_EQ(remote_.server().count("GET", "/blobs/"), 2u);  // not retried
}

TEST_F(HttpBlob, APartThatWasNotAskedFor) {
  spoil(100, [](const TestRequest&, TestReply& reply) {
    reply.status = 206;
    reply.headers = {"Content-Range: bytes 5-999999/1000000"};
  });
  EXPECT_THAT([&] { fetch(4); },
              ThrowsMessage<Error>("asked for the bytes from 4 on, the registry sends 'bytes 5-999999/1000000'"));
}

TEST_F(HttpBlob, ASinksErrorEndsItAtOnce) {
  struct FullSink final : Sink {
    void write(Bytes) override { throw Error{"the disk is full"}; }
  } sink;
  HttpRegistry registry{quick()};
  EXPECT_THAT([&] { registry.blob(remote_.reference("a"), blob_, 0, sink); }, ThrowsMessage<Error>("the disk is full"));
  EXPECT_EQ(remote_.server().count("GET", "/blobs/"), 1u);
}

TEST_F(HttpBlob, RedirectsToAnotherHostCarryNoCredentials) {
  TempDir directory;
  write_file(directory.path() / "auth.json",
             concat(R"({"auths":{")", remote_.address(), R"(":{"username":"u","password":"p"}}})"));
  TestRegistry elsewhere;
  elsewhere.add_blob(content_);
  remote_.set_spoil([&](const TestRequest& request, TestReply& reply) {
    if (request.target == "/v2/") return;
    if (request.header("authorization").empty()) {
      reply = {401, {"WWW-Authenticate: Basic realm=\"r\""}, "", {}, {}, true};
    } else {
      reply = {307, {"Location: http://" + elsewhere.address() + request.target}, "", {}, {}, true};
    }
  });
  RegistryOptions options = quick();
  options.credential_files = {directory.path() / "auth.json"};
  HttpRegistry registry{options};
  StringSink sink;
  registry.blob(remote_.reference("a/b"), blob_, 0, sink);
  EXPECT_EQ(sink.text(), content_);
  EXPECT_EQ(remote_.server().requests().back().header("authorization"), "Basic dTpw");
  for (const TestRequest& request : elsewhere.server().requests()) EXPECT_EQ(request.header("authorization"), "");
}

TEST_F(HttpBlob, EndlessRedirects) {
  spoil(100, [](const TestRequest& request, TestReply& reply) {
    reply.status = 302;
    reply.headers = {"Location: " + request.target};
  });
  EXPECT_THAT([&] { fetch(); }, ThrowsMessage<Error>(HasSubstr("redirects more than 10 times")));
}

TEST_F(HttpBlob, RedirectsOutOfHttp) {
  spoil(100, [](const TestRequest&, TestReply& reply) {
    reply.status = 302;
    reply.headers = {"Location: file:///etc/passwd"};
  });
  EXPECT_THAT([&] { fetch(); },
              ThrowsMessage<Error>(HasSubstr("redirects to 'file:///etc/passwd', which is not HTTP")));
}

TEST(HttpRegistry, NobodyThere) {
  std::string address;
  {
    TestServer gone{[](const TestRequest&) { return TestReply{}; }};
    address = gone.address();
  }
  HttpRegistry registry{quick()};
  EXPECT_THAT([&] { registry.manifest(Reference::parse(address + "/a")); },
              ThrowsMessage<Error>(testing::AllOf(testing::StartsWith("registry '" + address + "': Failed to connect"),
                                                  testing::EndsWith(", 4 times in a row"))));
}

// --- manifests ---------------------------------------------------------------------------------------------------

TEST(HttpManifest, ByTagAndByDigest) {
  TestRegistry remote;
  const TestImage image = make_image("arm64", {"layer"});
  remote.add_image("a/b", "v1", image);
  remote.add_image("a/b", "latest", image);
  HttpRegistry registry{quick()};
  for (const std::string& name :
       {std::string{"a/b:v1"}, std::string{"a/b"}, "a/b@" + image.descriptor.digest.to_string()}) {
    const auto document = registry.manifest(remote.reference(name));
    ASSERT_TRUE(document) << name;
    EXPECT_EQ(document->content, image.manifest_json);
    EXPECT_EQ(document->descriptor.media_type, media_type::kManifest);
    EXPECT_EQ(registry.manifest_descriptor(remote.reference(name))->digest, image.descriptor.digest);
  }
  EXPECT_FALSE(registry.manifest(remote.reference("a/b:v2")));
  EXPECT_FALSE(registry.manifest_descriptor(remote.reference("a/c:v1")));
}

TEST(HttpManifest, HeadWithoutDigestFallsBackToTheContent) {
  TestRegistry remote;
  const TestImage image = make_image("arm64", {"layer"});
  remote.add_image("a", "v1", image);
  remote.set_spoil([](const TestRequest&, TestReply& reply) { reply.headers.clear(); });
  HttpRegistry registry{quick()};
  EXPECT_EQ(registry.manifest_descriptor(remote.reference("a:v1"))->digest, image.descriptor.digest);
}

TEST(HttpManifest, WrongContent) {
  TestRegistry remote;
  const TestImage image = make_image("arm64", {"layer"});
  remote.add_image("a", "v1", image);
  remote.set_spoil([](const TestRequest&, TestReply& reply) {
    if (!reply.body.empty()) reply.body.back() = ' ';
  });
  std::string damaged = image.manifest_json;
  damaged.back() = ' ';
  HttpRegistry registry{quick()};
  for (const std::string& name : {std::string{"a:v1"}, "a@" + image.descriptor.digest.to_string()}) {
    EXPECT_THAT([&] { registry.manifest(remote.reference(name)); },
                ThrowsMessage<Error>(concat("manifest: digest is ", Digest::of(damaged).to_string(), ", expected ",
                                            image.descriptor.digest.to_string())));
  }
}

TEST(HttpManifest, CutOffThenWhole) {
  TestRegistry remote;
  const TestImage image = make_image("arm64", {"layer"});
  remote.add_image("a", "v1", image);
  int cuts = 2;
  remote.set_spoil([&](const TestRequest& request, TestReply& reply) {
    if (request.is("GET", "/manifests/") && cuts-- > 0) reply.cut_at = 50;
  });
  HttpRegistry registry{quick()};
  EXPECT_EQ(registry.manifest(remote.reference("a:v1"))->content, image.manifest_json);
}

TEST(HttpManifest, TooLarge) {
  TestRegistry remote;
  remote.add_manifest("a", "v1", std::string((16 << 20) + 1, ' '));
  HttpRegistry registry{quick()};
  EXPECT_THAT([&] { registry.manifest(remote.reference("a:v1")); },
              ThrowsMessage<Error>("the registry sends more than the 16777216 bytes a manifest may have"));
}

// --- logging in --------------------------------------------------------------------------------------------------

/// A registry that wants a token, and the server that gives it.
class TokenFlow : public testing::Test {
 protected:
  TokenFlow() {
    remote_.add_image("team/app", "v1", image_);
    remote_.set_spoil([this](const TestRequest& request, TestReply& reply) { guard(request, reply); });
  }

  void guard(const TestRequest& request, TestReply& reply) {
    if (request.target.starts_with("/token")) {
      const bool good = request.method == "POST" ? request.body.find("refresh_token=r%2Ft") != std::string::npos
                                                 : request.header("authorization") == "Basic dTpw";
      reply = good ? TestReply{200, {}, concat(R"({"token":"t)", ++tokens_, R"("})"), {}, {}, true}
                   : TestReply{401, {}, R"({"errors":[{"code":"UNAUTHORIZED","message":"bad login"}]})", {}, {}, true};
    } else if (request.target != "/v2/" && request.header("authorization") != concat("Bearer t", valid_)) {
      reply = {401,
               {concat(R"(WWW-Authenticate: Bearer realm="http://)", remote_.address(),
                       R"(/token",service="s v",scope="repository:team/app:pull")")},
               R"({"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]})",
               {},
               {},
               true};
    }
  }

  HttpRegistry registry(const std::string& entry) {
    write_file(file(), concat(R"({"auths":{")", remote_.address(), R"(":)", entry, "}}"));
    RegistryOptions options = quick();
    options.credential_files = {directory_.path() / "none.json", file()};
    return HttpRegistry{options};
  }
  std::filesystem::path file() const { return directory_.path() / "auth.json"; }

  TempDir directory_;
  int tokens_ = 0;
  int valid_ = 1;
  TestImage image_ = make_image("arm64", {"layer"});
  TestRegistry remote_;
};

TEST_F(TokenFlow, OneTokenForManyRequests) {
  HttpRegistry registry = this->registry(R"({"auth":"dTpw"})");
  EXPECT_TRUE(registry.manifest(remote_.reference("team/app:v1")));
  StringSink sink;
  registry.blob(remote_.reference("team/app"), describe("layer", ""), 0, sink);
  EXPECT_EQ(sink.text(), "layer");
  EXPECT_EQ(remote_.server().count("GET", "/token"), 1u);
  EXPECT_EQ(remote_.server().count("GET", "/token?service=s%20v&scope=repository%3Ateam%2Fapp%3Apull&account=u"), 1u);
}

TEST_F(TokenFlow, AnExpiredTokenIsRenewed) {
  HttpRegistry registry = this->registry(R"({"auth":"dTpw"})");
  EXPECT_TRUE(registry.manifest(remote_.reference("team/app:v1")));
  valid_ = 2;
  EXPECT_TRUE(registry.manifest(remote_.reference("team/app:v1")));
  EXPECT_EQ(tokens_, 2);
}

TEST_F(TokenFlow, IdentityTokensAreExchanged) {
  HttpRegistry registry = this->registry(R"({"identitytoken":"r/t"})");
  EXPECT_TRUE(registry.manifest(remote_.reference("team/app:v1")));
  EXPECT_EQ(remote_.server().count("POST", "/token"), 1u);
}

TEST_F(TokenFlow, PushingAsksForMore) {
  HttpRegistry registry = this->registry(R"({"auth":"dTpw"})");
  registry.push_manifest(remote_.reference("team/app:v2"), image_.manifest_json, media_type::kManifest);
  EXPECT_EQ(remote_.manifest("team/app", "v2"), image_.manifest_json);
  EXPECT_EQ(remote_.server().count("GET", "app%3Apull%2Cpush"), 1u);
}

TEST_F(TokenFlow, ARefusedLoginIsNamed) {
  HttpRegistry registry = this->registry(R"({"username":"eve","password":"x"})");
  EXPECT_THAT([&] { registry.manifest(remote_.reference("team/app:v1")); },
              ThrowsMessage<AccessDenied>(concat("registry '", remote_.address(),
                                                 "' refuses access to 'team/app': it answered 401 ('UNAUTHORIZED: bad "
                                                 "login'); tried the login of 'eve' from ",
                                                 quote(file().native()))));
}

TEST_F(TokenFlow, NoLoginSaysWhereItWasLookedFor) {
  HttpRegistry registry = this->registry("{}");
  EXPECT_THAT([&] { registry.manifest(remote_.reference("team/app:v1")); },
              ThrowsMessage<AccessDenied>(
                  HasSubstr(concat("; found no login for it in ", quote((directory_.path() / "none.json").native()),
                                   " (does not exist), ", quote(file().native()), " (has none)"))));
}

TEST_F(TokenFlow, ATokenTheRegistryRefusesIsNotRetriedForever) {
  valid_ = 99;
  HttpRegistry registry = this->registry(R"({"auth":"dTpw"})");
  EXPECT_THAT([&] { registry.manifest(remote_.reference("team/app:v1")); },
              ThrowsMessage<AccessDenied>(HasSubstr("'UNAUTHORIZED: authentication required'")));
  EXPECT_EQ(tokens_, 2);
}

// --- pushing -----------------------------------------------------------------------------------------------------

class HttpPush : public testing::Test {
 protected:
  Pushed push(const std::optional<Reference>& mount_from = std::nullopt) {
    HttpRegistry registry{quick()};
    write_file(directory_.path() / "blob", content_);
    const UniqueFd file = open_file(directory_.path() / "blob");
    return registry.push_blob(remote_.reference("a/b"), describe(content_, ""), file.get(), mount_from);
  }

  TempDir directory_;
  const std::string content_ = noise(1'000'000);
  TestRegistry remote_;
};

TEST_F(HttpPush, UploadedOnceThenPresent) {
  EXPECT_EQ(push(), Pushed::uploaded);
  EXPECT_TRUE(remote_.has_blob(content_));
  EXPECT_EQ(push(), Pushed::present);
  EXPECT_EQ(remote_.server().count("PATCH", ""), 1u);
}

TEST_F(HttpPush, MountedFromAnotherRepository) {
  remote_.add_blob(content_);
  remote_.set_spoil([](const TestRequest& request, TestReply& reply) {
    if (request.method == "HEAD") reply = {404, {}, "", {}, {}, true};
  });
  EXPECT_EQ(push(remote_.reference("c/d")), Pushed::mounted);
  EXPECT_EQ(remote_.server().count("POST", "&from=c%2Fd"), 1u);
  EXPECT_EQ(push(Reference::parse("registry.example/c/d")), Pushed::uploaded);  // of another registry
}

TEST_F(HttpPush, AnEmptyBlob) {
  HttpRegistry registry{quick()};
  write_file(directory_.path() / "empty", "");
  const UniqueFd file = open_file(directory_.path() / "empty");
  EXPECT_EQ(registry.push_blob(remote_.reference("a"), describe("", ""), file.get(), {}), Pushed::uploaded);
  EXPECT_TRUE(remote_.has_blob(""));
}

TEST_F(HttpPush, RetriedAfterErrors) {
  int failures = 3;
  remote_.set_spoil([&](const TestRequest& request, TestReply& reply) {
    if ((request.method == "PUT" || request.method == "POST") && failures-- > 0) {
      reply = {503, {"Retry-After: 0"}, "", {}, {}, true};
    }
  });
  EXPECT_EQ(push(), Pushed::uploaded);
  EXPECT_TRUE(remote_.has_blob(content_));
}

TEST_F(HttpPush, AnAnswerThatGotLostIsNotSentTwice) {
  int cuts = 1;
  remote_.set_spoil([&](const TestRequest& request, TestReply& reply) {
    if (request.method == "PATCH" && cuts-- > 0) {
      reply = {202, {}, "x", 0, {}, true};  // the data arrived, the reply breaks off
    }
  });
  EXPECT_EQ(push(), Pushed::uploaded);
  EXPECT_TRUE(remote_.has_blob(content_));
  EXPECT_EQ(remote_.server().count("GET", "/uploads/"), 1u);
}

TEST_F(HttpPush, Refused) {
  remote_.set_spoil([](const TestRequest& request, TestReply& reply) {
    if (request.method == "POST") {
      reply = {405, {}, R"({"errors":[{"code":"UNSUPPORTED","message":"read only"}]})", {}, {}, true};
    }
  });
  EXPECT_THAT([&] { push(); }, ThrowsMessage<Error>(concat("registry '", remote_.address(),
                                                           "': it answered 405 ('UNSUPPORTED: read only')")));
}

}  // namespace
}  // namespace kiln::oci
