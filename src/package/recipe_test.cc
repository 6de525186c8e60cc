#include "package/recipe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "base/file.h"

namespace kiln::package {
namespace {

using testing::ElementsAre;

TEST(Recipe, HasLinuxKitsDefaults) {
  const Recipe recipe = parse_recipe("image: x\n", "build.yml");
  EXPECT_EQ(recipe.image, "x");
  EXPECT_EQ(recipe.org, "linuxkit");
  EXPECT_EQ(recipe.tag, "{{.Hash}}");
  EXPECT_EQ(recipe.dockerfile, "Dockerfile");
  EXPECT_THAT(recipe.arches, ElementsAre("amd64", "arm64", "riscv64"));
  EXPECT_FALSE(recipe.network);
  EXPECT_EQ(recipe.label, "");
  EXPECT_FALSE(recipe.debian);
}

TEST(Recipe, TakesAllOfLinuxKitsKeys) {
  const Recipe recipe = parse_recipe(
      "image: x\norg: my.reg/o\ntag: v1-{{.Hash}}\ndockerfile: D\narches:\n  - arm64\nextra-sources:\n  - ../a:b\n"
      "gitrepo: g\nnetwork: true\ndisable-cache: true\nbuildArgs:\n  - A=b\n"
      "depends:\n  docker-images:\n    list: [a@sha256:" +
          std::string(64, 'b') + "]\n    target: t/i.tar\n",
      "build.yml");
  EXPECT_EQ(recipe.org, "my.reg/o");
  EXPECT_THAT(recipe.arches, ElementsAre("arm64"));
  EXPECT_THAT(recipe.extra_sources, ElementsAre("../a:b"));
  EXPECT_TRUE(recipe.network);
  EXPECT_TRUE(recipe.disable_cache);
  EXPECT_THAT(recipe.build_arguments, ElementsAre("A=b"));
  EXPECT_EQ(recipe.extra_source(0).source, "../a");
  EXPECT_EQ(recipe.extra_source(0).destination, "b");
  EXPECT_THAT(recipe.depends.images, ElementsAre("a@sha256:" + std::string(64, 'b')));
  EXPECT_EQ(recipe.depends.target, "t/i.tar");
}

TEST(Recipe, NullArchesMeanNone) { EXPECT_TRUE(parse_recipe("image: x\narches:\n", "b").arches.empty()); }

TEST(Recipe, MakesALabelOfConfig) {
  const Recipe recipe = parse_recipe(
      "image: x\nconfig:\n  readonly: true\n  oomScoreAdj: -5\n  uid: 3\n  capabilities: [CAP_CHOWN]\n"
      "  sysctl: {a.b: \"1\"}\n  devices:\n    - {path: /dev/x, type: c, major: 1, minor: 2, mode: 0666}\n",
      "b");
  EXPECT_EQ(recipe.label,
            R"({"readonly":true,"oomScoreAdj":-5,"uid":3,"capabilities":["CAP_CHOWN"],"sysctl":{"a.b":"1"},)"
            R"("devices":[{"path":"/dev/x","type":"c","major":1,"minor":2,"mode":"0666"}]})");
}

TEST(Recipe, HasADebianSection) {
  const Recipe recipe = parse_recipe(R"(image: x
debian:
  suite: bookworm
  components: [main, contrib]
  packages: [a, "b-${arch}"]
  keep: [/usr/bin/a]
  drop: ["/**.a"]
  guest: /init
  merged-usr: false
  kernel: {modules: [m, "fs/**"], plain: [m]}
  entrypoint: [/a]
  cmd: [-b]
  env: [A=b]
  working-dir: /w
  add:
    - {path: /f, contents: text, mode: "0600", uid: 1, gid: 2}
    - {paths: [/l, /m], symlink: f}
    - {path: /d, directory: true}
    - {path: /s, source: s.conf}
    - {path: /c, concatenate: "/x/*"}
)",
                                     "build.yml");
  ASSERT_TRUE(recipe.debian);
  const DebianRecipe& debian = *recipe.debian;
  EXPECT_EQ(debian.suite, "bookworm");
  EXPECT_THAT(debian.packages, ElementsAre("a", "b-${arch}"));
  ASSERT_TRUE(debian.keep);
  EXPECT_EQ(debian.keep->at(0).text, "/usr/bin/a");
  EXPECT_EQ(debian.keep->at(0).where.to_string(), "build.yml:6:10");
  EXPECT_EQ(debian.guest, "/init");
  EXPECT_FALSE(debian.merged_usr);
  ASSERT_TRUE(debian.kernel);
  EXPECT_EQ(debian.kernel->modules.size(), 2U);
  EXPECT_EQ(debian.kernel->plain.size(), 1U);
  ASSERT_EQ(debian.add.size(), 5U);
  EXPECT_EQ(debian.add[0].mode, 0600U);
  EXPECT_EQ(debian.add[0].gid, 2U);
  EXPECT_EQ(debian.add[1].kind, AddedFile::Kind::symlink);
  EXPECT_THAT(debian.add[1].paths, ElementsAre("/l", "/m"));
  EXPECT_EQ(debian.add[2].mode, 0755U);
  EXPECT_EQ(debian.add[3].mode, 0644U);
  EXPECT_EQ(debian.add[4].concatenate, "/x/*");
}

struct BadCase {
  const char* name;
  const char* text;
  const char* message;
};

constexpr BadCase kBad[] = {
    {"NoImage", "org: x\n", "b.yml:1:1: no image: every package names its image"},
    {"UnknownKey", "image: x\nimagge: y\n", "b.yml:2:1: unknown key 'imagge'"},
    {"UnknownDebianKey", "image: x\ndebian: {packges: [a], guest: /i}\n",
     "b.yml:2:10: unknown key 'packges' in debian"},
    {"ImageIsAList", "image: [x]\n", "image: expected text, got a list"},
    {"NetworkIsText", "image: x\nnetwork: yes\n", "b.yml:2:10: network: expected true or false, got 'yes'"},
    {"ArchesIsText", "image: x\narches: arm64\n", "b.yml:2:9: arches: expected a list, got text"},
    {"ListOfLists", "image: x\narches: [[a]]\n", "b.yml:2:10: arches: expected text in the list, got a list"},
    {"DebianIsText", "image: x\ndebian: nginx\n", "b.yml:2:9: debian: expected a mapping, got text"},
    {"DebianEmpty", "image: x\ndebian: {suite: trixie}\n", "b.yml:2:9: debian: nothing to put into the image"},
    {"RelativeGlob", "image: x\ndebian: {packages: [a], keep: [usr/bin/a]}\n",
     "b.yml:2:32: debian.keep: 'usr/bin/a' does not begin with '/'"},
    {"NoContent", "image: x\ndebian: {add: [{path: /a}]}\n",
     "b.yml:2:16: debian.add: expected one of 'contents', 'source', 'concatenate', 'symlink', 'directory: true'"},
    {"TwoContents", "image: x\ndebian: {add: [{path: /a, contents: b, source: c}]}\n",
     "b.yml:2:16: debian.add: expected one of 'contents', 'source', 'concatenate', 'symlink', 'directory: true'"},
    {"NoPath", "image: x\ndebian: {add: [{contents: b}]}\n",
     "b.yml:2:16: debian.add: expected one of 'path' and 'paths'"},
    {"RelativePath", "image: x\ndebian: {add: [{path: a, contents: b}]}\n",
     "b.yml:2:16: debian.add: path 'a' is not an absolute path in the image"},
    {"PathLeaves", "image: x\ndebian: {add: [{path: /a/../../b, contents: b}]}\n",
     "b.yml:2:16: debian.add: path '/a/../../b' is not an absolute path in the image"},
    {"SourceLeaves", "image: x\ndebian: {add: [{path: /a, source: ../b}]}\n",
     "b.yml:2:35: debian.add: source '../b' is not inside the package"},
    {"BadMode", "image: x\ndebian: {add: [{path: /a, contents: b, mode: \"rw\"}]}\n",
     "b.yml:2:46: debian.add.mode: 'rw' is not a file mode"},
    {"BigMode", "image: x\ndebian: {add: [{path: /a, contents: b, mode: \"17777\"}]}\n",
     "b.yml:2:46: debian.add.mode: '17777' is not a file mode"},
    {"BadUid", "image: x\ndebian: {add: [{path: /a, contents: b, uid: root}]}\n",
     "b.yml:2:45: debian.add.uid: expected a number from 0 to 4294967295, got 'root'"},
    {"AddIsAMapping", "image: x\ndebian: {guest: /i, add: {path: /a}}\n",
     "b.yml:2:26: debian.add: expected a list, got a mapping"},
    {"DependsBoth", "image: x\ndepends: {docker-images: {list: [a], from-file: b}}\n",
     "b.yml:2:26: depends.docker-images: 'list' and 'from-file' exclude each other"},
    {"DependsTargets", "image: x\ndepends: {docker-images: {target: a, target-dir: b}}\n",
     "b.yml:2:26: depends.docker-images: 'target' and 'target-dir' exclude each other"},
    {"DependsUnpinned", "image: x\ndepends: {docker-images: {list: [a], target: b}}\n",
     "b.yml:2:34: depends.docker-images: 'a' has no digest"},
    {"DependsBadDigest", "image: x\ndepends: {docker-images: {list: [\"a@sha256:1\"], target: b}}\n",
     "b.yml:2:34: depends.docker-images: image reference 'a@sha256:1': "},
    {"DependsNowhere", "image: x\ndepends: {docker-images: {from-file: a}}\n",
     "b.yml:2:26: depends.docker-images: expected 'target' or 'target-dir'"},
    {"DependsHere", "image: x\ndepends: {docker-images: {from-file: a, target-dir: .}}\n",
     "depends.docker-images.target-dir: '.' is not a path below the package's directory"},
    {"DependsLeave", "image: x\ndepends: {docker-images: {from-file: a, target: a/../../b}}\n",
     "depends.docker-images.target: 'a/../../b' is not a path below the package's directory"},
    {"DockerfileLeaves", "image: x\ndockerfile: ../Dockerfile\n",
     "b.yml:2:13: dockerfile: '../Dockerfile' is not a path below the package's directory"},
    {"ExtraSourceWithoutPlace", "image: x\nextra-sources: [../a]\n",
     "b.yml:2:17: extra-sources: '../a' is not SOURCE:DESTINATION"},
    {"ExtraSourceLeaves", "image: x\nextra-sources: [\"../a:../b\"]\n",
     "b.yml:2:17: extra-sources: the destination of '../a:../b' leads out of the build context"},
    {"BuildArgument", "image: x\nbuildArgs: [A=1, B]\n", "b.yml:2:18: buildArgs: 'B' is not KEY=VALUE"},
    {"ConfigUnknownKey", "image: x\nconfig: {redonly: true}\n", "redonly"},
    {"ConfigWithName", "image: x\nconfig: {name: y}\n", "name"},
    {"ConfigIsAList", "image: x\nconfig: [a]\n", "b.yml:2:9: config: expected a mapping"},
    {"TwoMistakes", "image: x\nnetwork: 1\nfoo: 2\n", "b.yml:3:1: unknown key 'foo'"},
};

class BadRecipe : public testing::TestWithParam<BadCase> {};

TEST_P(BadRecipe, IsRefused) {
  try {
    parse_recipe(GetParam().text, "b.yml");
    FAIL() << "was accepted";
  } catch (const Error& error) {
    EXPECT_THAT(error.message(), testing::HasSubstr(GetParam().message));
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, BadRecipe, testing::ValuesIn(kBad), [](const auto& row) { return row.param.name; });

TEST(RecipeFile, IsMissed) {
  const TempDir directory;
  try {
    load_recipe(directory.path());
    FAIL() << "was found";
  } catch (const Error& error) {
    EXPECT_EQ(error.message(), concat("package ", quote(directory.path().string()), ": there is no build.yml"));
  }
}

// What is shipped must at least be understood; it is built in the end-to-end tests.
TEST(ShippedRecipes, AreUnderstood) {
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator{KILN_SHIPPED_RECIPES}) {
    if (!entry.is_directory()) continue;
    const Recipe recipe = load_recipe(entry.path());
    EXPECT_EQ(recipe.image, entry.path().filename().string());
    EXPECT_EQ(recipe.org, "kiln");
    ASSERT_TRUE(recipe.debian) << recipe.image;
    for (const AddedFile& file : recipe.debian->add) {
      EXPECT_TRUE(std::filesystem::exists(entry.path() / file.source)) << file.source;
    }
    ++count;
  }
  EXPECT_GE(count, 12);
}

}  // namespace
}  // namespace kiln::package
