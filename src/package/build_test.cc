#include "package/build.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "base/file.h"
#include "oci/image.h"

namespace kiln::package {
namespace {

oci::Platform platform(const char* architecture) { return oci::Platform::parse(architecture); }

/// One that has nothing but, if told to, an image that it cannot deliver.
class NoRegistry final : public oci::Registry {
 public:
  std::optional<oci::Document> there;
  bool fails = false;

  std::optional<oci::Document> manifest(const oci::Reference&) override {
    if (fails) throw Error{"no route"};
    return there;
  }
  std::optional<oci::Descriptor> manifest_descriptor(const oci::Reference&) override { return std::nullopt; }
  void blob(const oci::Reference&, const oci::Descriptor&, std::uint64_t, Sink&) override { throw Error{"no blob"}; }
  oci::Pushed push_blob(const oci::Reference&, const oci::Descriptor&, int,
                        const std::optional<oci::Reference>&) override {
    throw Error{"no push"};
  }
  void push_manifest(const oci::Reference&, const std::string&, const std::string&) override { throw Error{"no push"}; }
};

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
  NoRegistry registry_;
  ThreadPool transfers_{1};
  const Workshop workshop_{locations(), store_, registry_, transfers_, reporter_, "1.0", "abc"};
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
  build_package(package, platform("arm64"), workshop_);
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
  build_package(package, platform("arm64"), workshop_);
  build_package(package, platform("amd64"), workshop_);
  EXPECT_TRUE(oci::find_image(store_, package.reference, platform("arm64")));
  EXPECT_TRUE(oci::find_image(store_, package.reference, platform("amd64")));

  oci::Store other{root() / "other"};
  const Workshop others{locations(), other, registry_, transfers_, reporter_, "", ""};
  build_package(package, platform("amd64"), others);
  build_package(package, platform("arm64"), others);
  EXPECT_EQ(other.find(package.reference.canonical())->digest, store_.find(package.reference.canonical())->digest);
}

TEST_F(Build, DoesNotRepeatItself) {
  const Package package = tool();
  build_package(package, platform("arm64"), workshop_);
  const auto before = store_.find(package.reference.canonical())->digest;
  put("guest/arm64/kiln-guest", "changed behind its back");
  build_package(package, platform("arm64"), workshop_);
  EXPECT_EQ(store_.find(package.reference.canonical())->digest, before);
  build_package(package, platform("arm64"), workshop_, {}, true);
  EXPECT_NE(store_.find(package.reference.canonical())->digest, before);
}

TEST_F(Build, RefusesOtherArchitectures) {
  try {
    build_package(tool(), platform("s390x"), workshop_);
    FAIL() << "was built";
  } catch (const Error& error) {
    EXPECT_THAT(error.message(), testing::EndsWith(" is not made for s390x"));
  }
}

TEST_F(Build, MissesTheGuest) {
  std::filesystem::remove(root() / "guest/amd64/kiln-guest");
  try {
    build_package(tool(), platform("amd64"), workshop_);
    FAIL() << "was built";
  } catch (const Error& error) {
    EXPECT_THAT(error.message(), testing::HasSubstr("Kiln has no guest program for amd64"));
  }
}

TEST_F(Build, MissesASourceWithItsPlace) {
  std::filesystem::remove(root() / "pkg/tool/tool.sh");
  try {
    build_package(tool(), platform("amd64"), workshop_);
    FAIL() << "was built";
  } catch (const Error& error) {
    EXPECT_THAT(error.message(), testing::HasSubstr("build.yml:9:7: debian.add: "));
  }
}

TEST_F(Build, ResolvesWhatYamlSays) {
  const auto resolve = make_resolver(workshop_, platform("arm64"));
  const std::string name = resolve("kiln", "tool", "/nowhere");
  EXPECT_EQ(name, tool().reference.canonical());
  EXPECT_TRUE(store_.find(name));
  EXPECT_EQ(resolve("pkg", "../pkg/tool", (root() / "guest").string()), name);
}

TEST_F(Build, OnlyNamesDockerfilesWhoseImageIsInARegistry) {
  put("pkg2/image/build.yml", "image: image\norg: o\narches: [arm64]\n");
  registry_.there = oci::Document{{oci::media_type::kManifest, {}, 2, {}, {}, {}}, "{}"};
  const auto resolve = make_resolver(workshop_, platform("arm64"));
  const std::string name = resolve("pkg", "pkg2/image", root().string());
  EXPECT_THAT(name, testing::HasSubstr("/o/image:"));
  EXPECT_FALSE(store_.find(name));
}

TEST_F(Build, BuildsDockerfilesOtherwise) {
  put("pkg2/image/build.yml", "image: image\norg: o\narches: [arm64]\n");
  for (const bool fails : {false, true}) {
    registry_.fails = fails;
    try {
      make_resolver(workshop_, platform("arm64"))("pkg", "pkg2/image", root().string());
      FAIL() << "was resolved without a Dockerfile";
    } catch (const Error& error) {
      // Without an engine here, that is missed first.
      EXPECT_THAT(error.message(), testing::AnyOf(testing::HasSubstr("there is no Dockerfile"),
                                                  testing::HasSubstr("no program is here that builds Dockerfiles")));
    }
  }
}

TEST_F(Build, ResolvesNothingElse) {
  const auto resolve = make_resolver(workshop_, platform("arm64"));
  try {
    resolve("kiln", "nosuch", ".");
    FAIL() << "was resolved";
  } catch (const Error& error) {
    EXPECT_THAT(error.message(), testing::EndsWith("there is no build.yml"));
  }
}

}  // namespace
}  // namespace kiln::package
