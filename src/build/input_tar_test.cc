#include "build/input_tar.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "archive/tar_writer.h"
#include "base/error.h"
#include "base/file.h"
#include "config/load.h"

namespace kiln::build {
namespace {

config::System parse(const std::string& text) { return config::load({{"test.yml", text, "."}}, {}); }

struct RootCase {
  const char* name;
  std::string json, root;
};

TEST(InputTar, TellsWhereAContainersTreeIs) {
  const RootCase cases[] = {
      {"OfItsOwn",
       R"({"mounts": [{"destination": "/c/a/tmp", "type": "tmpfs"}, {"destination": "/c/a/rootfs", "type": "overlay",)"
       R"( "options": ["lowerdir=/c/a/lower", "upperdir=/c/a/tmp/upper"]}]})",
       "c/a/lower"},
      {"OfAnother", R"({"mounts": [{"destination": "/c/a/rootfs", "options": ["lowerdir=/c/b/rootfs"]}]})",
       "c/b/rootfs"},
      {"ReadOnly", R"({"mounts": [{"destination": "/c/a/rootfs", "source": "/c/b/lower", "options": ["bind"]}]})",
       "c/b/lower"},
      {"OtherDestination", R"({"mounts": [{"destination": "/c/b/rootfs", "source": "/x", "options": ["bind"]}]})", ""},
      {"NoMounts", R"({"mounts": []})", ""},
      {"NoObject", "[1]", ""},
      {"NoJson", "{", ""},
      {"OddTypes", R"({"mounts": [7, {"destination": "/c/a/rootfs", "options": [null, 3]}]})", ""},
  };
  for (const RootCase& c : cases) EXPECT_EQ(root_of_runtime_json(c.json, "c/a"), c.root) << c.name;
}

struct SameCase {
  const char* name;
  std::string before, now;
  bool kernel, init, volume, service;
};

TEST(InputTar, KnowsWhatIsUnchanged) {
  const std::string kernel = "kernel: {image: k, cmdline: quiet}\n";
  const std::string rest = "init: [a]\nvolumes: [{name: v, image: d}]\nservices: [{name: s, image: i, uid: s}]\n";
  const SameCase cases[] = {
      {"Nothing", kernel + rest, kernel + rest, true, true, true, true},
      {"ExpandedNames",
       "kernel: {image: docker.io/library/k, cmdline: quiet}\ninit: [docker.io/library/a]\n" + rest.substr(10),
       kernel + rest, true, true, true, true},
      {"CommandLine", "kernel: {image: k, cmdline: loud}\n" + rest, kernel + rest, false, true, true, true},
      {"VolumesFormat", kernel + rest,
       kernel + "init: [a]\nvolumes: [{name: v, image: d, format: oci}]\nservices: [{name: s, image: i, uid: s}]\n",
       true, true, false, true},
      {"Option", kernel + rest,
       kernel + "init: [a]\nvolumes: [{name: v, image: d}]\nservices: [{name: s, image: i, uid: s, pid: host}]\n", true,
       true, true, false},
      // A container more moves the number that a name stands for.
      {"UsersNumber", kernel + rest, kernel + rest + "onboot: [{name: o, image: i}]\n", true, true, true, false},
      {"Shorter", "files: []\n", kernel + rest, false, false, false, false},
  };
  for (const SameCase& c : cases) {
    SCOPED_TRACE(c.name);
    const config::System before = parse(c.before), now = parse(c.now);
    EXPECT_EQ(is_same_kernel(now, before), c.kernel);
    EXPECT_EQ(is_same_init(now, before, 0), c.init);
    EXPECT_EQ(is_same_volume(now, before, 0), c.volume);
    EXPECT_EQ(is_same_container(now, before, &config::System::services, 0), c.service);
  }
}

TEST(InputTar, FindsPartsByTheirRecords) {
  std::string tar;
  const auto add = [&](const std::string& path, const std::string& content, const std::string& location) {
    archive::append_tar_header(
        tar, {.path = path, .mode = 0644, .size = content.size(), .records = {{"LINUXKIT.location", location}}});
    tar += content + std::string(archive::tar_padding(content.size()), '\0');
  };
  add("a", "1", "init[0]");
  add("./a", "2", "init[0]");
  add("b", "3", "init[1]");
  add("etc/os.yml", "init: [a]", "files[0]");
  tar += archive::tar_end();
  const TempDir directory;
  write_file(directory.path() / "os.tar", tar);
  const InputTar input{directory.path() / "os.tar", directory.path(), "etc/os.yml", parse};
  ASSERT_TRUE(input.system());
  EXPECT_EQ(input.system()->init.size(), 1U);
  const auto part = input.part("init[0]");
  ASSERT_TRUE(part);
  EXPECT_THAT(part->entries, testing::ElementsAre(0U, 1U));
  EXPECT_EQ(input.content(*part, "a"), "2");
  EXPECT_EQ(input.content(*part, "b"), std::nullopt);
  EXPECT_EQ(input.part("init[2]"), nullptr);
  const InputTar other{directory.path() / "os.tar", directory.path(), "etc/other.yml", parse};
  EXPECT_FALSE(other.system());
}

}  // namespace
}  // namespace kiln::build
