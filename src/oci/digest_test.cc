#include "oci/digest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "oci/descriptor.h"

namespace kiln::oci {
namespace {

constexpr char kAbc[] = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

TEST(Digest, RoundTrip) {
  EXPECT_EQ(Digest::of("abc").to_string(), kAbc);
  EXPECT_EQ(Digest::parse(kAbc), Digest::of("abc"));
}

struct BadDigest {
  std::string text;
  std::string message;
};

TEST(Digest, BadOnes) {
  const std::string expected = "expected sha256:<64 hex digits>, ";
  const BadDigest cases[] = {
      {"9f2c", "digest '9f2c': " + expected + "got no algorithm"},
      {"", "digest '': " + expected + "got no algorithm"},
      {"sha256:9f2c", "digest 'sha256:9f2c': " + expected + "got 4 digits"},
      {"sha256:", "digest 'sha256:': " + expected + "got 0 digits"},
      {"sha512:9f2c", "digest 'sha512:9f2c': " + expected + "got algorithm 'sha512'"},
      {"SHA256:9f2c", "digest 'SHA256:9f2c': " + expected + "got algorithm 'SHA256'"},
      {"sha256:" + std::string(63, 'a') + "A",
       "digest 'sha256:" + std::string(63, 'a') + "A': " + expected + "got 'A' (digits are 0-9 and a-f)"},
      {"sha256:../" + std::string(61, 'a'),
       "digest 'sha256:../" + std::string(61, 'a') + "': " + expected + "got '.' (digits are 0-9 and a-f)"},
  };
  for (const BadDigest& bad : cases) {
    EXPECT_THAT([&] { Digest::parse(bad.text); }, testing::ThrowsMessage<Error>(bad.message));
  }
}

TEST(Platform, Texts) {
  const std::pair<const char*, Platform> cases[] = {
      {"linux/arm64", {"linux", "arm64", ""}},  {"linux/arm/v7", {"linux", "arm", "v7"}},
      {"arm64", {"linux", "arm64", ""}},        {"aarch64", {"linux", "arm64", ""}},
      {"linux/x86_64", {"linux", "amd64", ""}}, {"armv7l", {"linux", "arm", "v7"}},
  };
  for (const auto& [text, platform] : cases) EXPECT_EQ(Platform::parse(text), platform) << text;
  EXPECT_EQ(Platform::parse("linux/arm/v7").to_string(), "linux/arm/v7");
  EXPECT_EQ(Platform::of_host().os, "linux");
  EXPECT_FALSE(Platform::of_host().architecture.empty());
  EXPECT_TRUE((Platform{"linux", "arm64", "v8"}.matches(Platform{"linux", "arm64", ""})));
}

TEST(Platform, BadTexts) {
  for (const char* text : {"", "/", "linux/", "linux//v8", "a/b/c/d", "Linux/arm64", "linux/arm 64"}) {
    EXPECT_THAT(
        [&] { Platform::parse(text); },
        testing::ThrowsMessage<Error>(concat(
            "platform ", quote(text), ": expected os/architecture[/variant] or an architecture, like linux/arm64")));
  }
}

}  // namespace
}  // namespace kiln::oci
