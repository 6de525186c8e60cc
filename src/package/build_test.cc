#include "package/build.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "base/file.h"
#include "oci/image.h"

namespace kiln::package {
namespace {

oci::Platform platform(const char* architecture) { return oci::Platform::parse(architecture); }

/// Recipes that need no Debian package, and so no network.
class Build : public testing::Test {
 protected:
  void SetUp() override {
    put("pkg/tool/build.yml",
        "org: kiln\nimage: tool\narches: [amd64, arm64]\n"
        "debian:\n  guest: /init\n  entrypoint: [/init]\n  cmd: [-x]\n"
        "  add:\n    - {path: /bin/tool, source: tool.sh, mode: \"0755\"}\n    - {path: /etc/empty, contents: \"\"}\n"
        "config:\n  readonly: true\n");
    put("pkg/tool/tool.sh", "#!/bin/sh\n");
    put("guest/amd64/kiln-guest", "program for amd64");
    put("guest/arm64/kiln-guest", "program for arm64");
  }
  void put(const std::string& name, std::string_view text) {
    make_directories((root() / name).parent_path());
    write_file(root() / name, text);
  }
  std::filesystem::path root() const { return directory_.path(); }
  Locations locations() const { return {root() / "pkg", root() / "guest"}; }
  Package tool() const { return open_package(root() / "pkg/tool", locations()); }

  TempDir directory_;
  oci::Store store_{directory_.path() / "store"};
  SilentReporter reporter_;
};

TEST_F(Build, NamesPackagesByTheirContent) {
  const Package before = tool();
  EXPECT_THAT(before.name, testing::MatchesRegex("kiln/tool:[0-9a-f]{40}"));
  EXPECT_EQ(before.reference.canonical(), oci::Reference::parse(before.name).canonical());
  EXPECT_EQ(tool().name, before.name);
  put("pkg/tool/tool.sh", "#!/bin/sh\nexit\n");
  const Package changed = tool();
  EXPECT_NE(changed.name, before.name);
  put("guest/arm64/kiln-guest", "another program");
  EXPECT_NE(tool().name, changed.name);
}

TEST_F(Build, ObeysOptionsForTheName) {
  PackageOptions options;
  options.org = "me";
  options.hash = "h";
  options.tag = "v-{{.Hash}}";
  EXPECT_EQ(open_package(root() / "pkg/tool/", locations(), options).name, "me/tool:v-h");
}

TEST_F(Build, PutsAnImageIntoTheStore) {
  const Package package = tool();
  EXPECT_FALSE(oci::find_image(store_, package.reference, platform("arm64")));
  build_package(package, platform("arm64"), locations(), store_, reporter_);
  const auto image = oci::find_image(store_, package.reference, platform("arm64"));
  ASSERT_TRUE(image);
  EXPECT_EQ(image->config.platform, platform("arm64"));
  EXPECT_THAT(image->config.entrypoint, testing::ElementsAre("/init"));
  EXPECT_THAT(image->config.cmd, testing::ElementsAre("-x"));
  EXPECT_EQ(image->config.labels.at("org.mobyproject.config"), R"({"readonly":true})");
  EXPECT_THAT(store_.verify(), testing::IsEmpty());
}

TEST_F(Build, AddsArchitecturesInAnyOrder) {
  const Package package = tool();
  build_package(package, platform("arm64"), locations(), store_, reporter_);
  build_package(package, platform("amd64"), locations(), store_, reporter_);
  EXPECT_TRUE(oci::find_image(store_, package.reference, platform("arm64")));
  EXPECT_TRUE(oci::find_image(store_, package.reference, platform("amd64")));

  oci::Store other{root() / "other"};
  build_package(package, platform("amd64"), locations(), other, reporter_);
  build_package(package, platform("arm64"), locations(), other, reporter_);
  EXPECT_EQ(other.find(package.reference.canonical())->digest, store_.find(package.reference.canonical())->digest);
}

TEST_F(Build, DoesNotRepeatItself) {
  const Package package = tool();
  build_package(package, platform("arm64"), locations(), store_, reporter_);
  const auto before = store_.find(package.reference.canonical())->digest;
  put("guest/arm64/kiln-guest", "changed behind its back");
  build_package(package, platform("arm64"), locations(), store_, reporter_);
  EXPECT_EQ(store_.find(package.reference.canonical())->digest, before);
  PackageOptions force;
  force.force = true;
  build_package(package, platform("arm64"), locations(), store_, reporter_, force);
  EXPECT_NE(store_.find(package.reference.canonical())->digest, before);
}

TEST_F(Build, RefusesOtherArchitectures) {
  try {
    build_package(tool(), platform("s390x"), locations(), store_, reporter_);
    FAIL() << "was built";
  } catch (const Error& error) {
    EXPECT_THAT(error.message(), testing::EndsWith(" is not made for s390x"));
  }
}

TEST_F(Build, MissesTheGuest) {
  std::filesystem::remove(root() / "guest/amd64/kiln-guest");
  try {
    build_package(tool(), platform("amd64"), locations(), store_, reporter_);
    FAIL() << "was built";
  } catch (const Error& error) {
    EXPECT_THAT(error.message(), testing::HasSubstr("Kiln has no guest program for amd64"));
  }
}

TEST_F(Build, MissesASourceWithItsPlace) {
  std::filesystem::remove(root() / "pkg/tool/tool.sh");
  try {
    build_package(tool(), platform("amd64"), locations(), store_, reporter_);
    FAIL() << "was built";
  } catch (const Error& error) {
    EXPECT_THAT(error.message(), testing::HasSubstr("build.yml:9:7: debian.add: "));
  }
}

TEST_F(Build, ResolvesWhatYamlSays) {
  const auto resolve = make_resolver(locations(), platform("arm64"), store_, reporter_);
  const std::string name = resolve("kiln", "tool", "/nowhere");
  EXPECT_EQ(name, tool().reference.canonical());
  EXPECT_TRUE(store_.find(name));
  EXPECT_EQ(resolve("pkg", "../pkg/tool", (root() / "guest").string()), name);
}

TEST_F(Build, OnlyNamesDockerfiles) {
  put("pkg/image/build.yml", "image: image\norg: o\n");
  put("pkg/image/Dockerfile", "FROM scratch\n");
  const auto resolve = make_resolver(locations(), platform("arm64"), store_, reporter_);
  const std::string name = resolve("pkg", "pkg/image", root().string());
  EXPECT_THAT(name, testing::HasSubstr("/o/image:"));
  EXPECT_FALSE(store_.find(name));
}

TEST_F(Build, ResolvesNothingElse) {
  const auto resolve = make_resolver(locations(), platform("arm64"), store_, reporter_);
  try {
    resolve("kiln", "nosuch", ".");
    FAIL() << "was resolved";
  } catch (const Error& error) {
    EXPECT_THAT(error.message(), testing::EndsWith("there is no build.yml"));
  }
}

}  // namespace
}  // namespace kiln::package
