#include "config/load.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "config/outputs.h"

namespace kiln::config {
namespace {

using testing::ElementsAre;
using testing::Optional;

System load_one(const std::string& yaml, const PackageResolver& resolver = {}) {
  return load({{"t.yml", yaml, "dir"}}, resolver);
}

ContainerOptions options(const std::string& lines) {
  return load_one("services:\n- name: web\n  image: nginx\n" + lines).services.at(0).options;
}

TEST(Load, EverySectionMayBeMissing) {
  const System system = load_one("{}");
  EXPECT_FALSE(system.kernel);
  EXPECT_TRUE(system.init.empty() && system.services.empty() && system.files.empty());
}

TEST(Load, KernelInitAndVolumes) {
  const System system = load_one(
      "kernel:\n  image: linux\n  cmdline: a b\n  binary: vmlinuz\n  tar: ''\n  ucode: u.cpio\n"
      "init: [a, b]\n"
      "volumes:\n- {name: v-1_x, image: i, readonly: true, format: oci, platforms: [linux/arm64]}\n"
      "trust: {image: [a], org: [b]}\n");
  EXPECT_EQ(system.kernel->image, "linux");
  EXPECT_EQ(system.kernel->where.to_string(), "t.yml:2:10");
  EXPECT_EQ(system.kernel->cmdline, "a b");
  EXPECT_EQ(system.kernel->binary, "vmlinuz");
  EXPECT_THAT(system.kernel->tar, Optional(std::string{}));
  EXPECT_THAT(system.kernel->ucode, Optional(std::string{"u.cpio"}));
  EXPECT_EQ(system.init.at(1).image, "b");
  EXPECT_EQ(system.init.at(1).where.to_string(), "t.yml:7:11");
  const Volume& volume = system.volumes.at(0);
  EXPECT_EQ(volume.name, "v-1_x");
  EXPECT_EQ(volume.image, "i");
  EXPECT_EQ(volume.format, "oci");
  EXPECT_TRUE(volume.readonly);
  EXPECT_THAT(volume.platforms, ElementsAre("linux/arm64"));
}

TEST(Load, OutputsOfTheFirstYear) {
  const std::string yaml =
      "outputs:\n- format: kernel+initrd\n- {format: gcp, project: p, bucket: b, family: f, keys: k, public: true, "
      "replace: false}\n";
  const std::vector<OutputFormat> outputs = output_formats({{"t.yml", yaml, ""}});
  ASSERT_EQ(outputs.size(), 2U);
  EXPECT_EQ(outputs[0].name, "kernel+initrd");
  EXPECT_EQ(outputs[1].name, "gcp");
  EXPECT_EQ(outputs[1].where.to_string(), "t.yml:3:12");
  EXPECT_EQ(to_yaml(load_one(yaml)).find("outputs"), std::string::npos);
}

TEST(Load, PackagesNeedADirectory) {
  const PackageResolver resolver = [](auto scheme, auto rest, auto) { return concat(scheme, "/", rest); };
  EXPECT_EQ(load({{"http://h/t.yml", "init: ['@kiln:a']", ""}}, resolver).init.at(0).image, "kiln/a");
  try {
    load({{"http://h/t.yml", "init: ['@pkg:a']", ""}}, resolver);
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(),
                 "http://h/t.yml:1:8: package '@pkg:a': '@pkg:' is a directory beside the YAML file, and this one is "
                 "from a URL");
  }
}

TEST(Load, ContainersKeepOrderAndPosition) {
  const System system =
      load_one("onboot:\n- {name: a, image: x}\n- {name: a, image: y}\nonshutdown:\n- name: b\n  image: \"z\"\n");
  EXPECT_EQ(system.onboot.at(1).image, "y");
  EXPECT_EQ(system.onshutdown.at(0).name, "b");
  EXPECT_EQ(system.onshutdown.at(0).where.to_string(), "t.yml:6:10");
}

/// Every list-of-strings key, and where it is kept.
TEST(Load, ListsOfStrings) {
  const std::pair<const char*, std::optional<std::vector<std::string>> ContainerOptions::*> kKeys[] = {
      {"capabilities", &ContainerOptions::capabilities}, {"capabilities.add", &ContainerOptions::capabilities_add},
      {"ambient", &ContainerOptions::ambient},           {"binds", &ContainerOptions::binds},
      {"binds.add", &ContainerOptions::binds_add},       {"tmpfs", &ContainerOptions::tmpfs},
      {"command", &ContainerOptions::command},           {"env", &ContainerOptions::env},
      {"maskedPaths", &ContainerOptions::masked_paths},  {"readonlyPaths", &ContainerOptions::readonly_paths},
      {"rlimits", &ContainerOptions::rlimits},
  };
  for (const auto& [key, member] : kKeys) {
    EXPECT_THAT(options(concat("  ", key, ": [/a, '/b']")).*member, Optional(ElementsAre("/a", "/b"))) << key;
    EXPECT_THAT(options(concat("  ", key, ": []")).*member, Optional(ElementsAre())) << key;
    EXPECT_EQ(options("  readonly: true").*member, std::nullopt) << key;
  }
}

TEST(Load, Strings) {
  const std::pair<const char*, std::optional<std::string> ContainerOptions::*> kKeys[] = {
      {"cwd", &ContainerOptions::cwd},
      {"net", &ContainerOptions::net},
      {"ipc", &ContainerOptions::ipc},
      {"uts", &ContainerOptions::uts},
      {"pid", &ContainerOptions::pid},
      {"userns", &ContainerOptions::userns},
      {"hostname", &ContainerOptions::hostname},
      {"rootfsPropagation", &ContainerOptions::rootfs_propagation},
      {"cgroupsPath", &ContainerOptions::cgroups_path},
  };
  for (const auto& [key, member] : kKeys)
    EXPECT_THAT(options(concat("  ", key, ": some")).*member, Optional(std::string{"some"})) << key;
  // Words and dates that are no strings in other YAML.
  for (const char* word : {"yes", "on", "2017-04-18", "1.2.3"})
    EXPECT_THAT(options(concat("  hostname: ", word)).hostname, Optional(std::string{word}));
}

TEST(Load, BooleansAndNumbers) {
  EXPECT_THAT(options("  readonly: TRUE").readonly, Optional(true));
  EXPECT_THAT(options("  noNewPrivileges: false").no_new_privileges, Optional(false));
  EXPECT_THAT(options("  oomScoreAdj: -1_0").oom_score_adj, Optional(-10));
  EXPECT_THAT(options("  oomScoreAdj: 0").oom_score_adj, Optional(0));
}

TEST(Load, Ids) {
  const ContainerOptions read = options("  uid: 0x10\n  gid: redis\n  additionalGids: [1, web, '5']");
  EXPECT_EQ(read.uid, Id{16U});
  EXPECT_EQ(read.gid, Id{"redis"});
  EXPECT_THAT(*read.additional_gids, ElementsAre(Id{1U}, Id{"web"}, Id{"5"}));
}

TEST(Load, MapsMountsAndDevices) {
  const ContainerOptions read = options(
      "  sysctl: {b: '1', a: '2'}\n  annotations: {org.kiln.restart: always}\n"
      "  mounts:\n  - {destination: /d, type: t, source: /s, options: [o], uidmappings: [{hostID: 1, size: 2}]}\n"
      "  devices: [{path: /dev/x, type: c, major: 1, minor: 2, mode: '0666'}]\n");
  EXPECT_EQ(read.sysctl->at("a"), "2");
  EXPECT_EQ(read.annotations->at("org.kiln.restart"), "always");
  EXPECT_EQ(read.mounts->at(0), (Mount{"/d", "t", "/s", {"o"}, {{1, 0, 2}}, {}}));
  const Device& device = read.devices->at(0);
  EXPECT_EQ(concat(device.path, device.type, device.major, device.minor, device.mode), "/dev/xc120666");
}

TEST(Load, IdMappingsInBothSpellings) {
  const IdMapping expected{1000, 1, 10};
  EXPECT_THAT(*options("  uidMappings: [{hostID: 1000, containerID: 1, size: 10}]").uid_mappings,
              ElementsAre(expected));
  EXPECT_THAT(*options("  gidMappings: [{hostid: 1000, containerid: 1, size: 10}]").gid_mappings,
              ElementsAre(expected));
}

TEST(Load, RuntimeSection) {
  const Runtime runtime = options(
                              "  runtime:\n    cgroups: [a]\n    mkdir: [b]\n    namespace: c\n"
                              "    mounts: [{source: s}]\n"
                              "    interfaces: [{name: n, add: a, peer: p, createInRoot: true}]\n"
                              "    bindNS: {cgroup: c, ipc: i, mnt: m, net: n, pid: p, user: us, uts: ut}\n")
                              .runtime;
  EXPECT_THAT(runtime.cgroups, Optional(ElementsAre("a")));
  EXPECT_THAT(runtime.mkdir, Optional(ElementsAre("b")));
  EXPECT_THAT(runtime.namespace_name, Optional(std::string{"c"}));
  EXPECT_EQ(runtime.mounts->at(0).source, "s");
  EXPECT_EQ(runtime.interfaces->at(0).peer, "p");
  EXPECT_TRUE(runtime.interfaces->at(0).create_in_root);
  const BindNamespaces& names = runtime.bind_ns;
  EXPECT_EQ(concat(*names.cgroup, *names.ipc, *names.mnt, *names.net, *names.pid, *names.user, *names.uts),
            "cimnpusut");
}

TEST(Load, AnchorsAndMergeKeysShareOptions) {
  const System system = load_one("services:\n- &base\n  name: a\n  image: x\n  env: [A=1]\n- <<: *base\n  name: b\n");
  EXPECT_EQ(system.services.at(1).name, "b");
  EXPECT_EQ(system.services.at(1).image, "x");
  EXPECT_THAT(system.services.at(1).options.env, Optional(ElementsAre("A=1")));
}

TEST(Load, JsonWorksToo) { EXPECT_EQ(load_one("{\"kernel\":{\"image\":\"k\"},\"init\":[\"i\"]}").kernel->image, "k"); }

TEST(Load, Files) {
  const System system = load_one(
      "files:\n"
      "- {path: /etc/a, contents: ''}\n"
      "- {path: etc/b, directory: true}\n"
      "- {path: etc/c, symlink: /x, contents: ignored}\n"
      "- {path: etc/d, source: ~/d, optional: true, mode: '0755', uid: redis, gid: 5}\n"
      "- {path: etc/e, metadata: json}\n"
      "- {path: //etc/f, contents: x, mode: '4755'}\n");
  using Kind = File::Kind;
  ASSERT_EQ(system.files.size(), 6u);
  EXPECT_EQ(system.files[0].path, "etc/a");
  EXPECT_EQ(system.files[0].kind, Kind::regular);
  EXPECT_THAT(system.files[0].contents, Optional(std::string{}));
  EXPECT_EQ(system.files[0].mode, 0600u);
  EXPECT_EQ(system.files[1].kind, Kind::directory);
  EXPECT_EQ(system.files[1].mode, 0700u);
  EXPECT_EQ(system.files[2].kind, Kind::symlink);
  EXPECT_EQ(system.files[2].symlink, "/x");
  EXPECT_EQ(system.files[3].source, "~/d");
  EXPECT_TRUE(system.files[3].optional);
  EXPECT_EQ(system.files[3].mode, 0755u);
  EXPECT_EQ(system.files[3].uid, Id{"redis"});
  EXPECT_EQ(system.files[3].gid, Id{5U});
  EXPECT_EQ(system.files[4].kind, Kind::metadata);
  EXPECT_EQ(system.files[5].path, "/etc/f");  // one slash is removed, as LinuxKit does
  EXPECT_EQ(system.files[5].mode, 04755u);
  EXPECT_EQ(system.files[5].where.to_string(), "t.yml:7:3");
}

TEST(Merge, LaterKernelTextsWinAndListsAreAppended) {
  const System system =
      load({{"a.yml",
             "kernel: {image: a, cmdline: one, binary: b, tar: t, ucode: u}\ninit: [i]\nonboot: [{name: x, image: x}]\n"
             "services: [{name: s, image: s}]\nfiles: [{path: f, contents: a}]\n",
             ""},
            {"b.yml",
             "kernel: {image: c, cmdline: '', tar: ''}\ninit: [j]\nonboot: [{name: x, image: y}]\n"
             "services: [{name: t, image: s, binds: ['v:/v']}]\nfiles: [{path: f, contents: b}]\n",
             ""},
            {"c.yml", "volumes: [{name: v}]\n", ""}},
           {});
  EXPECT_EQ(system.kernel->image, "c");
  EXPECT_EQ(system.kernel->where.to_string(), "b.yml:1:17");
  EXPECT_EQ(system.kernel->cmdline, "one");
  EXPECT_EQ(system.kernel->binary, "b");
  EXPECT_THAT(system.kernel->tar, Optional(std::string{}));
  EXPECT_THAT(system.kernel->ucode, Optional(std::string{"u"}));
  EXPECT_EQ(system.init.size(), 2u);
  EXPECT_EQ(system.onboot.at(1).image, "y");
  EXPECT_EQ(system.files.at(1).contents, "b");
  // The volume is of another file, which LinuxKit would not find.
  EXPECT_THAT(system.services.at(1).options.binds, Optional(ElementsAre("/containers/volumes/v/merged:/v")));
}

TEST(Volumes, NamesBecomePathsButMetadataShowsWhatWasWritten) {
  const System system = load_one(
      "volumes: [{name: a}, {name: r, readonly: true}]\n"
      "onboot:\n- name: x\n  image: x\n  binds: ['a:/a', '/b:/b', 'r:/r:ro']\n  binds.add: ['a:/c']\n"
      "  mounts:\n  - {type: bind, source: a, destination: /d}\n  - {type: bind, source: r, destination: /e, options: "
      "[ro, rw]}\n  - {type: tmpfs, source: a, destination: /f}\n");
  const ContainerOptions& read = system.onboot.at(0).options;
  EXPECT_THAT(read.binds,
              Optional(ElementsAre("/containers/volumes/a/merged:/a", "/b:/b", "/containers/volumes/r/merged:/r:ro")));
  EXPECT_THAT(read.binds_add, Optional(ElementsAre("/containers/volumes/a/merged:/c")));
  EXPECT_EQ(read.mounts->at(0).source, "/containers/volumes/a/merged");
  EXPECT_EQ(read.mounts->at(1).source, "/containers/volumes/r/merged");
  EXPECT_EQ(read.mounts->at(2).source, "a");
  EXPECT_THAT(to_yaml(system), testing::HasSubstr("  binds:\n  - a:/a\n  - /b:/b\n  - r:/r:ro\n"));
}

TEST(Templates, OnlyImagesAreResolvedEachPackageOnce) {
  std::vector<std::string> asked;
  const PackageResolver resolver = [&](std::string_view scheme, std::string_view rest, std::string_view directory) {
    asked.push_back(concat(scheme, "|", rest, "|", directory));
    return concat("built/", rest, ":1");
  };
  const System system = load_one(
      "kernel: {image: '@kiln:kernel', cmdline: '@pkg:no'}\ninit: ['@pkg:../init', '@other']\n"
      "volumes: [{name: v, image: '@pkg:vol'}]\n"
      "services: [{name: s, image: '@pkg:../init', command: ['@pkg:x', '@daily']}]\n"
      "files: [{path: f, contents: '@daily root job'}]\n",
      resolver);
  EXPECT_THAT(asked, ElementsAre("kiln|kernel|dir", "pkg|../init|dir", "pkg|vol|dir"));
  EXPECT_EQ(system.kernel->image, "built/kernel:1");
  EXPECT_EQ(system.kernel->cmdline, "@pkg:no");
  EXPECT_EQ(system.init.at(0).image, "built/../init:1");
  EXPECT_EQ(system.init.at(1).image, "@other");
  EXPECT_EQ(system.volumes.at(0).image, "built/vol:1");
  EXPECT_EQ(system.services.at(0).image, "built/../init:1");
  EXPECT_THAT(system.services.at(0).options.command, Optional(ElementsAre("@pkg:x", "@daily")));
  EXPECT_EQ(system.files.at(0).contents, "@daily root job");
}

TEST(Templates, FailuresHaveAPlaceAndComeOnce) {
  const PackageResolver resolver = [](std::string_view, std::string_view, std::string_view) -> std::string {
    throw Error{"no build.yml there"}.with_hint("look again");
  };
  try {
    load_one("init:\n- '@pkg:a'\n- '@pkg:a'\n", resolver);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.message(), "t.yml:2:3: package '@pkg:a': no build.yml there");
    EXPECT_EQ(error.hint(), "look again");
  }
}

TEST(Templates, NothingIsBuiltForAConfigurationWithMistakes) {
  const PackageResolver resolver = [](std::string_view, std::string_view, std::string_view) -> std::string {
    ADD_FAILURE() << "asked";
    return "";
  };
  EXPECT_THROW(load_one("init: ['@pkg:a']\nfile: []\n", resolver), Error);
}

TEST(Label, HasTheFieldsOfAnImageObject) {
  const ContainerOptions read =
      parse_label(R"({"pid": "host", "capabilities": ["all"], "runtime": {"mkdir": []}})", "i");
  EXPECT_THAT(read.pid, Optional(std::string{"host"}));
  EXPECT_THAT(read.capabilities, Optional(ElementsAre("all")));
  EXPECT_THAT(read.runtime.mkdir, Optional(ElementsAre()));
  EXPECT_EQ(parse_label("", "i").pid, std::nullopt);
  EXPECT_THAT(parse_label("pid: host", "i").pid, Optional(std::string{"host"}));
}

struct LabelCase {
  const char* name;
  const char* label;
  const char* message;
};

constexpr LabelCase kBadLabels[] = {
    {"Array", "[1]", "1:1: the label: expected a mapping, got a list"},
    {"Name", "{\"name\": \"x\"}", "1:2: the label sets 'name', which only the YAML may"},
    {"Image", "{\"image\": \"x\"}", "1:2: the label sets 'image', which only the YAML may"},
    {"Type", "{\"readonly\": \"true\"}",
     "1:14: 'readonly' of the label: expected true or false, got the string 'true'"},
    {"NotJson", "{", "1:1: not valid YAML: end of map flow not found"},
};

TEST(Label, MistakesNameTheImage) {
  for (const LabelCase& test : kBadLabels) {
    SCOPED_TRACE(test.name);
    EXPECT_THAT([&] { parse_label(test.label, "redis"); },
                testing::ThrowsMessage<Error>(concat("label org.mobyproject.config of image 'redis':", test.message)));
  }
}

}  // namespace
}  // namespace kiln::config
