#include "package/lock.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "base/file.h"

namespace kiln::package {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::ThrowsMessage;

oci::Digest digest(char c) { return oci::Digest::parse("sha256:" + std::string(64, c)); }

Lock sample() {
  Lock lock;
  lock.names["h.example/web:1"].images = {{"linux/amd64", {digest('1'), {}, {}, {}, {}}},
                                          {"linux/arm64", {digest('2'), {}, {}, {}, digest('6')}}};
  LockedName package{"@kiln:nginx", {}};
  package.images["linux/arm64"] = {
      digest('3'),
      {{{"nginx", "1.26.3-3+b1", "arm64", digest('4'), "pool/main/n/nginx/nginx_1.26.3-3+b1_arm64.deb"}}},
      {},
      {},
      {}};
  lock.names["h.example/linuxkit/nginx:abc"] = package;
  LockedName other{"@pkg:../my \"pkg\"", {}};
  other.images["linux/arm64"] = {digest('5'), std::vector<DebianPin>{}, std::string(40, 'c'), MadeBy{"0.1.0", "abc"},
                                 digest('6')};
  lock.names["h.example/linuxkit/other:abc"] = other;
  return lock;
}

constexpr char kSample[] =
    R"(# What the names in the configuration stood for. Written by `kiln lock`; `kiln build --locked` takes nothing else.
version: 1
images:
  "h.example/web:1":
    linux/amd64: sha256:1111111111111111111111111111111111111111111111111111111111111111
    linux/arm64:
      image: sha256:2222222222222222222222222222222222222222222222222222222222222222
      attestation: sha256:6666666666666666666666666666666666666666666666666666666666666666
packages:
  "h.example/linuxkit/nginx:abc":
    source: "@kiln:nginx"
    linux/arm64:
      image: sha256:3333333333333333333333333333333333333333333333333333333333333333
      debian:
        - nginx 1.26.3-3+b1 arm64 sha256:4444444444444444444444444444444444444444444444444444444444444444 pool/main/n/nginx/nginx_1.26.3-3+b1_arm64.deb
  "h.example/linuxkit/other:abc":
    source: "@pkg:../my \"pkg\""
    linux/arm64:
      image: sha256:5555555555555555555555555555555555555555555555555555555555555555
      attestation: sha256:6666666666666666666666666666666666666666666666666666666666666666
      commit: cccccccccccccccccccccccccccccccccccccccc
      kiln: "0.1.0 abc"
      debian: []
)";

std::string with_checksum(const std::string& text) {
  return concat(text, "checksum: ", oci::Digest::of(text).to_string(), "\n");
}

TEST(Lock, Text) {
  EXPECT_EQ(sample().to_text(), with_checksum(kSample));
  EXPECT_EQ(parse_lock(sample().to_text(), "kiln.lock"), sample());
  EXPECT_EQ(parse_lock(Lock{}.to_text(), "kiln.lock"), Lock{});
}

TEST(Lock, Find) {
  const Lock lock = sample();
  EXPECT_EQ(lock.find("h.example/web:1", "linux/arm64")->digest, digest('2'));
  EXPECT_EQ(lock.find("h.example/web:1", "linux/riscv64"), nullptr);
  EXPECT_EQ(lock.find("h.example/web:2", "linux/arm64"), nullptr);
}

TEST(Lock, Tampered) {
  std::string text = sample().to_text();
  text.replace(text.find("1111"), 4, "1112");
  EXPECT_THAT([&] { parse_lock(text, "kiln.lock"); },
              ThrowsMessage<Error>(
                  testing::AllOf(testing::StartsWith("kiln.lock: its content has the checksum sha256:"),
                                 HasSubstr(oci::Digest::of(kSample).to_string()),
                                 testing::EndsWith("(its last line): it was changed since `kiln lock` wrote it"))));
  EXPECT_THAT([&] { parse_lock(kSample, "kiln.lock"); },
              ThrowsMessage<Error>("kiln.lock: it has no checksum: it is no lock of Kiln's, or its end is missing"));
}

TEST(Lock, BadOnes) {
  const std::string d(64, '1');
  const std::pair<std::string, std::string> cases[] = {
      {"version: 2\n", "kiln.lock:1:10: version is '2', expected 1"},
      {"images: {}\n", "kiln.lock:1:1: there is no version"},
      {"version: 1\nimage: {}\n", "kiln.lock:2:1: unknown key 'image', expected version, images, packages or checksum"},
      {"version: 1\nimages:\n  nginx:\n    linux/arm64: sha256:" + d + "\n",
       "kiln.lock:3:3: the name is not written in full, expected 'docker.io/library/nginx'"},
      {"version: 1\nimages:\n  h.example/a:\n    arm64: sha256:" + d + "\n",
       "kiln.lock:4:5: the platform is not written in full, expected 'linux/arm64'"},
      {"version: 1\nimages:\n  h.example/a:\n    linux/arm64: sha256:12\n",
       "kiln.lock:4:18: digest 'sha256:12': expected sha256:<64 hex digits>, got 2 digits"},
      {"version: 1\nimages:\n  h.example/a:\n    linux/arm64: {image: sha256:" + d + ", attestation: x}\n",
       "digest 'x': expected sha256:<64 hex digits>, got no algorithm"},
      {"version: 1\nimages:\n  h.example/a:\n    linux/arm64: {attestation: sha256:" + d + "}\n",
       "kiln.lock:4:18: there is no image"},
      {"version: 1\nimages:\n  h.example/a:\n    linux/arm64: []\n", "kiln.lock:4:18: digest '': "},
      {"version: 1\nimages:\n  h.example/a: {}\n", "kiln.lock:3:16: 'h.example/a': no platform is named"},
      {"version: 1\npackages:\n  h.example/a:\n    linux/arm64: {image: sha256:" + d + "}\n",
       "kiln.lock:4:5: expected the source of the package, such as \"@kiln:nginx\""},
      {"version: 1\npackages:\n  h.example/a:\n    source: '@pkg:a'\n    linux/arm64: {image: sha256:" + d +
           ", commit: --help}\n",
       ": commit '--help': expected 40 or 64 hex digits"},
      {"version: 1\npackages:\n  h.example/a:\n    source: '@pkg:a'\n    linux/arm64: {image: sha256:" + d +
           ", kiln: '1 2 3'}\n",
       ": kiln '1 2 3': expected VERSION or VERSION REVISION"},
      {"version: 1\npackages:\n  h.example/a:\n    source: '@kiln:a'\n    linux/arm64: {image: sha256:" + d +
           ", debian: [a 1 arm64 sha256:" + d + " ../a.deb]}\n",
       "': '../a.deb' is not a .deb in the archive's pool/"},
  };
  for (const auto& row : cases) {
    EXPECT_THAT([&] { parse_lock(with_checksum(row.first), "kiln.lock"); },
                ThrowsMessage<Error>(HasSubstr(row.second)));
  }
}

TEST(Lock, Differences) {
  Lock needed = sample();
  EXPECT_THAT(differences(sample(), needed), IsEmpty());
  needed.names["h.example/web:1"].images.erase("linux/amd64");  // more platforms than needed are no difference
  needed.names.erase("h.example/linuxkit/nginx:abc");
  LockedName changed{"@kiln:nginx", {{"linux/arm64", {digest('7'), {}, {}, {}, {}}}}};
  needed.names["h.example/linuxkit/nginx:def"] = changed;
  EXPECT_THAT(differences(sample(), needed),
              ElementsAre("@kiln:nginx (h.example/linuxkit/nginx:def) for linux/arm64 is not in it",
                          "@kiln:nginx (h.example/linuxkit/nginx:abc) is no longer used"));
}

TEST(Lock, Missing) {
  const std::string hint =
      "`kiln lock` adds what is missing and leaves the rest as it is; `kiln lock --check` lists all that differs";
  const struct {
    std::string name, source, platform, message, hint;
  } cases[] = {
      {"h.example/web:2", "", "linux/arm64",
       "kiln.lock does not have 'h.example/web:2' for linux/arm64, only 'h.example/web:1'", hint},
      {"h.example/db:2", "", "linux/arm64", "kiln.lock does not have 'h.example/db:2' for linux/arm64", hint},
      {"h.example/web:1", "", "all", "kiln.lock does not have 'h.example/web:1' as a whole", hint},
      {"h.example/web:1", "", "linux/riscv64",
       "kiln.lock is for linux/amd64, linux/arm64, and not for linux/riscv64: it does not have 'h.example/web:1'",
       "`kiln lock --platform linux/amd64,linux/arm64,linux/riscv64` writes it for all of them"},
      {"h.example/linuxkit/nginx:def", "@kiln:nginx", "linux/arm64",
       "kiln.lock does not have @kiln:nginx ('h.example/linuxkit/nginx:def') for linux/arm64, only "
       "'h.example/linuxkit/nginx:abc': the lock is of another version of Kiln",
       hint},
      {"h.example/linuxkit/other:def", "@pkg:../my \"pkg\"", "linux/arm64",
       "kiln.lock does not have @pkg:../my \"pkg\" ('h.example/linuxkit/other:def') for linux/arm64, only "
       "'h.example/linuxkit/other:abc': the package has changed since it was locked",
       hint},
      {"h.example/linuxkit/new:def", "@pkg:new", "linux/arm64",
       "kiln.lock does not have @pkg:new ('h.example/linuxkit/new:def') for linux/arm64", hint},
  };
  for (const auto& row : cases) {
    const Error error = missing_name(sample(), "kiln.lock", row.name, row.source, row.platform);
    EXPECT_EQ(error.message(), row.message);
    EXPECT_EQ(error.hint(), row.hint);
  }
}

TEST(Lock, Platforms) {
  EXPECT_THAT(sample().platforms(), ElementsAre("linux/amd64", "linux/arm64"));
  EXPECT_THAT(Lock{}.platforms(), IsEmpty());
}

TEST(Lock, Labels) {
  const std::string commit(40, 'c');
  const LockedImage whole = lock_package(digest('1'),
                                         {{"org.opencontainers.image.revision", commit},
                                          {"org.mobyproject.linuxkit.version", "0.1.0"},
                                          {"org.mobyproject.linuxkit.revision", "abc"}},
                                         {});
  EXPECT_EQ(whole, (LockedImage{digest('1'), {}, commit, MadeBy{"0.1.0", "abc"}, {}}));
  const LockedImage odd = lock_package(digest('1'),
                                       {{"org.opencontainers.image.revision", "v1.2"},
                                        {"org.mobyproject.linuxkit.version", "a\nb"},
                                        {"org.mobyproject.linuxkit.revision", ""}},
                                       {});
  EXPECT_EQ(odd, (LockedImage{digest('1'), {}, "", {}, {}}));
  EXPECT_EQ(lock_package(digest('1'), {}, {}), (LockedImage{digest('1'), {}, "", {}, {}}));
}

TEST(Lock, WhatAUserMeans) {
  const Lock lock = sample();
  const auto meant = [&](const std::string& wanted) {
    std::string out;
    for (const auto& [name, entry] : lock.names) {
      if (is_meant(name, entry, wanted)) out += name + " ";
    }
    return out;
  };
  EXPECT_EQ(meant("@kiln:nginx"), "h.example/linuxkit/nginx:abc ");
  EXPECT_EQ(meant("h.example/web:1"), "h.example/web:1 ");
  EXPECT_EQ(meant("h.example/web"), "h.example/web:1 ");
  EXPECT_EQ(meant("h.example/web:2"), "");
  EXPECT_EQ(meant("nginx"), "");
  EXPECT_EQ(meant("@kiln:other"), "");
}

TEST(DebianPins, BadLines) {
  const std::string d = "sha256:" + std::string(64, '1');
  const std::pair<std::string, std::string> cases[] = {
      {"a 1 arm64", "expected NAME VERSION ARCHITECTURE sha256:DIGEST pool/FILE"},
      {"-a 1 arm64 " + d + " pool/a.deb", "'-a' is not a name"},
      {"a 1$ arm64 " + d + " pool/a.deb", "'1$' is not a version"},
      {"a 1 arm64 sha256:1 pool/a.deb", "expected sha256:<64 hex digits>, got 1 digits"},
      {"a 1 arm64 " + d + " pool/../a.deb", "'pool/../a.deb' is not a .deb in the archive's pool/"},
  };
  for (const auto& row : cases) {
    EXPECT_THAT([&] { DebianPin::parse(row.first); }, ThrowsMessage<Error>(HasSubstr(row.second))) << row.first;
  }
}

TEST(DebianPins, KeptByImage) {
  TempDir directory;
  const std::vector<DebianPin> pins = *sample().names["h.example/linuxkit/nginx:abc"].images["linux/arm64"].pins;
  write_debian_pins(directory.path() / "pins", digest('3'), pins);
  EXPECT_EQ(read_debian_pins(directory.path() / "pins", digest('3')), pins);
  EXPECT_EQ(read_debian_pins(directory.path() / "pins", digest('4')), std::nullopt);
}

}  // namespace
}  // namespace kiln::package
