#include "runtime/bundle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "config/load.h"

namespace kiln::runtime {
namespace {

using config::ContainerOptions;
using nlohmann::json;
using Texts = std::vector<std::string>;

ContainerOptions options(const std::string& yaml) { return config::parse_label(yaml, "test"); }

json config_of(const std::string& yaml, const oci::ImageConfig& image = {}) {
  return json::parse(config_json(options(yaml), image, {{"redis", 107}}));
}

json merged(const std::string& yaml, const std::string& label) {
  return json::parse(config_json(effective_options(options(yaml), options(label)), {}, {}));
}

oci::ImageConfig image() {
  oci::ImageConfig config;
  config.entrypoint = {"/entry"};
  config.cmd = {"a", "b"};
  config.env = {"PATH=/bin"};
  config.working_dir = "/data";
  config.user = "www-data";
  return config;
}

// oci-runtime.md §8.3, with the mounts in full.
constexpr char kDefault[] = R"({
    "ociVersion": "1.2.1",
    "process": {
        "user": {
            "uid": 0,
            "gid": 0
        },
        "args": [
            "/bin/app"
        ],
        "env": [
            "PATH=/bin"
        ],
        "cwd": "/",
        "capabilities": {}
    },
    "root": {
        "path": "rootfs"
    },
    "mounts": [
        {
            "destination": "/dev",
            "type": "tmpfs",
            "source": "tmpfs",
            "options": [
                "nosuid",
                "strictatime",
                "mode=755",
                "size=65536k"
            ]
        },
        {
            "destination": "/dev/pts",
            "type": "devpts",
            "source": "devpts",
            "options": [
                "nosuid",
                "noexec",
                "newinstance",
                "ptmxmode=0666",
                "mode=0620"
            ]
        },
        {
            "destination": "/proc",
            "type": "proc",
            "source": "proc",
            "options": [
                "nosuid",
                "nodev",
                "noexec",
                "relatime"
            ]
        },
        {
            "destination": "/sys",
            "type": "sysfs",
            "source": "sysfs",
            "options": [
                "nosuid",
                "noexec",
                "nodev"
            ]
        },
        {
            "destination": "/sys/fs/cgroup",
            "type": "cgroup",
            "source": "cgroup",
            "options": [
                "nosuid",
                "noexec",
                "nodev",
                "relatime",
                "ro"
            ]
        }
    ],
    "linux": {
        "resources": {},
        "namespaces": [
            {
                "type": "pid"
            },
            {
                "type": "mount"
            }
        ]
    }
})";

TEST(ConfigJson, OfAnImageWithoutOptions) {
  oci::ImageConfig plain;
  plain.cmd = {"/bin/app"};
  plain.env = {"PATH=/bin"};
  EXPECT_EQ(config_json({}, plain, {}), kDefault);
}

TEST(ConfigJson, TakesFromTheImageConfigWhatIsNotGiven) {
  const json process = config_of("{}", image()).at("process");
  EXPECT_EQ(process.at("args"), (Texts{"/entry", "a", "b"}));
  EXPECT_EQ(process.at("env"), Texts{"PATH=/bin"});
  EXPECT_EQ(process.at("cwd"), "/data");
  EXPECT_EQ(process.at("user").at("uid"), 0);  // USER is ignored
}

TEST(ConfigJson, OptionsReplaceTheImageConfig) {
  const json process = config_of("{command: [x], env: [], cwd: /y}", image()).at("process");
  EXPECT_EQ(process.at("args"), Texts{"x"});
  EXPECT_FALSE(process.contains("env"));
  EXPECT_EQ(process.at("cwd"), "/y");
  EXPECT_FALSE(config_of("command: []", image()).at("process").contains("args"));
  EXPECT_EQ(config_of("cwd: ''", image()).at("process").at("cwd"), "/data");
}

/// One option, the JSON pointer it reaches, and what stands there.
struct Mapping {
  const char* yaml;
  const char* pointer;
  const char* value;
};

constexpr Mapping kMappings[] = {
    {"uid: redis", "/process/user/uid", "107"},
    {"gid: 5", "/process/user/gid", "5"},
    {"additionalGids: [root, 7, redis]", "/process/user/additionalGids", "[0, 7, 107]"},
    {"noNewPrivileges: true", "/process/noNewPrivileges", "true"},
    {"noNewPrivileges: false", "/process/noNewPrivileges", "null"},
    {"oomScoreAdj: 0", "/process/oomScoreAdj", "0"},
    {"readonly: true", "/root/readonly", "true"},
    {"readonly: false", "/root/readonly", "null"},
    {"hostname: h", "/hostname", R"("h")"},
    {"annotations: {b: '1', a: '2'}", "/annotations", R"({"a": "2", "b": "1"})"},
    {"annotations: {}", "/annotations", "null"},
    {"sysctl: {net.ipv4.ip_forward: '1'}", "/linux/sysctl", R"({"net.ipv4.ip_forward": "1"})"},
    {"cgroupsPath: /x", "/linux/cgroupsPath", R"("/x")"},
    {"rootfsPropagation: shared", "/linux/rootfsPropagation", R"("shared")"},
    {"maskedPaths: [/a]", "/linux/maskedPaths", R"(["/a"])"},
    {"readonlyPaths: [/a]", "/linux/readonlyPaths", R"(["/a"])"},
    {"uidMappings: [{hostID: 1, containerID: 2, size: 3}]", "/linux/uidMappings",
     R"([{"containerID": 2, "hostID": 1, "size": 3}])"},
    {"gidMappings: []", "/linux/gidMappings", "null"},
    {"resources: {pids: {limit: 5}}", "/linux/resources", R"({"pids": {"limit": 5}})"},
    {"net: new", "/linux/namespaces/0", R"({"type": "network"})"},
    {"net: none", "/linux/namespaces/0", R"({"type": "network"})"},
    {"net: /run/netns/x", "/linux/namespaces/0", R"({"type": "network", "path": "/run/netns/x"})"},
    {"net: host", "/linux/namespaces/0", R"({"type": "pid"})"},
    {"net: root", "/linux/namespaces/0", R"({"type": "pid"})"},
    {"ipc: new", "/linux/namespaces/0", R"({"type": "ipc"})"},
    {"ipc: none", "/linux/namespaces/0", R"({"type": "ipc", "path": "none"})"},
    {"uts: new", "/linux/namespaces/0", R"({"type": "uts"})"},
    {"pid: host", "/linux/namespaces", R"([{"type": "mount"}])"},
    {"pid: /p", "/linux/namespaces/0", R"({"type": "pid", "path": "/p"})"},
    {"userns: new", "/linux/namespaces/1", R"({"type": "user"})"},
    {"{net: new, ipc: new, uts: new, userns: new}", "/linux/namespaces",
     R"([{"type": "network"}, {"type": "ipc"}, {"type": "uts"}, {"type": "pid"}, {"type": "user"}, {"type": "mount"}])"},
    {"rlimits: ['nofile,1024,Unlimited', ' rlimit_core , 0 , 1 ']", "/process/rlimits",
     R"([{"type": "RLIMIT_NOFILE", "hard": 18446744073709551615, "soft": 1024},
         {"type": "RLIMIT_CORE", "hard": 1, "soft": 0}])"},
    {"capabilities: [NONE]", "/process/capabilities", "{}"},
    {"{capabilities: [CAP_SYS_TIME, CAP_BPF, CAP_BPF], ambient: [CAP_CHOWN]}", "/process/capabilities",
     R"({"bounding": ["CAP_BPF", "CAP_CHOWN", "CAP_SYS_TIME"], "effective": ["CAP_SYS_TIME", "CAP_BPF", "CAP_BPF"],
         "inheritable": ["CAP_BPF", "CAP_CHOWN", "CAP_SYS_TIME"], "permitted": ["CAP_BPF", "CAP_CHOWN", "CAP_SYS_TIME"],
         "ambient": ["CAP_CHOWN"]})"},
    {"devices: [{path: all, type: b}, {path: /dev/x, type: c, major: 1, mode: '0640'}]", "/linux/devices",
     R"([{"path": "/dev/x", "type": "c", "major": 1, "minor": 0, "fileMode": 416}])"},
    {"{resources: {devices: [{type: a}]}, devices: [{path: all, type: b}, {path: /x, type: c, mode: '0'}]}",
     "/linux/resources/devices",
     R"([{"allow": false, "type": "a"}, {"allow": true, "type": "b", "access": "rwm"},
         {"allow": true, "type": "c", "major": 0, "minor": 0, "access": "rwm"}])"},
};

TEST(ConfigJson, EveryOptionReachesItsPlace) {
  for (const Mapping& test : kMappings) {
    const json config = config_of(test.yaml);
    const json::json_pointer pointer{test.pointer};
    EXPECT_EQ(config.contains(pointer) ? config.at(pointer) : json{}, json::parse(test.value)) << test.yaml;
  }
}

TEST(ConfigJson, AllCapabilitiesInTheKernelsOrder) {
  const json capabilities = config_of("capabilities: [All]").at("process").at("capabilities");
  EXPECT_EQ(capabilities.at("effective").size(), 41u);
  EXPECT_EQ(capabilities.at("effective").at(0), "CAP_CHOWN");
  EXPECT_EQ(capabilities.at("effective").at(40), "CAP_CHECKPOINT_RESTORE");
  EXPECT_EQ(capabilities.at("bounding").at(0), "CAP_AUDIT_CONTROL");
}

/// The mount of a destination, null if there is none.
json mount_at(const json& config, const std::string& destination) {
  for (const json& mount : config.at("mounts"))
    if (mount.at("destination") == destination) return mount;
  return {};
}

struct MountCase {
  const char* yaml;
  const char* destination;
  const char* rest;  ///< type, source, options
};

constexpr MountCase kMounts[] = {
    {"binds: ['/a:/b']", "/b", R"({"type": "bind", "source": "/a", "options": ["rw", "rbind", "rshared"]})"},
    {"binds: ['/a:/b:ro']", "/b", R"({"type": "bind", "source": "/a", "options": ["ro", "rbind"]})"},
    {"binds: ['/a:/b:ro,rslave']", "/b", R"({"type": "bind", "source": "/a", "options": ["ro", "rslave", "rbind"]})"},
    {"tmpfs: [/t]", "/t", R"({"type": "tmpfs", "source": "tmpfs"})"},
    {"tmpfs: ['/t:nodev,size=1m']", "/t", R"({"type": "tmpfs", "source": "tmpfs", "options": ["nodev", "size=1m"]})"},
    {"{tmpfs: [/t], binds: ['/a:/t:ro']}", "/t", R"({"type": "bind", "source": "/a", "options": ["ro", "rbind"]})"},
    {"{binds: ['/a:/t'], mounts: [{destination: /t, type: ext4, source: /dev/vda}]}", "/t",
     R"({"type": "ext4", "source": "/dev/vda"})"},
    {"mounts: [{type: cgroup, options: [rw]}]", "/sys/fs/cgroup",
     R"({"type": "cgroup", "source": "cgroup", "options": ["rw"]})"},
    {"mounts: [{source: mqueue}]", "/dev/mqueue", R"({"type": "mqueue", "source": "mqueue"})"},
    {"mounts: [{source: devpts}]", "/dev/pts", R"({"type": "devpts", "source": "devpts"})"},
    {"mounts: [{type: proc, source: none}]", "/proc", R"({"type": "proc", "source": "none"})"},
    {"mounts: [{source: sysfs, destination: /s}]", "/s", R"({"type": "sysfs", "source": "sysfs"})"},
    {"mounts: [{destination: /dev}]", "/dev", R"({"type": "tmpfs", "source": "tmpfs"})"},
    {"mounts: [{destination: /m, type: bind, source: /x, uidmappings: [{hostID: 1, size: 2}]}]", "/m",
     R"({"type": "bind", "source": "/x", "uidMappings": [{"containerID": 0, "hostID": 1, "size": 2}]})"},
    {"readonly: true", "/dev",
     R"({"type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "strictatime", "mode=755", "size=65536k", "ro"]})"},
    {"readonly: true", "/sys",
     R"({"type": "sysfs", "source": "sysfs", "options": ["nosuid", "noexec", "nodev", "ro"]})"},
};

TEST(ConfigJson, Mounts) {
  for (const MountCase& test : kMounts) {
    json mount = mount_at(config_of(test.yaml), test.destination);
    ASSERT_TRUE(mount.is_object()) << test.yaml;
    mount.erase("destination");
    EXPECT_EQ(mount, json::parse(test.rest)) << test.yaml;
  }
}

TEST(ConfigJson, MountsAreSortedByTheirText) {
  std::vector<std::string> destinations;
  const json config = config_of("binds: ['/a:/dev/', '/a:/dev-x', '/a:B']");
  for (const json& mount : config.at("mounts")) destinations.push_back(mount.at("destination"));
  EXPECT_THAT(destinations,
              testing::ElementsAre("/dev", "/dev-x", "/dev/", "/dev/pts", "/proc", "/sys", "/sys/fs/cgroup", "B"));
}

struct BadCase {
  const char* yaml;
  const char* message;
  const char* hint;
};

constexpr BadCase kBad[] = {
    {"binds: [/a]", "cannot parse bind, missing ':': '/a'", "write SOURCE:DESTINATION[:OPTION,OPTION]"},
    {"binds: ['/a:/b:ro:x']", "cannot parse bind, too many ':': '/a:/b:ro:x'",
     "write SOURCE:DESTINATION[:OPTION,OPTION]"},
    {"tmpfs: ['/a:b:c']", "cannot parse tmpfs, too many ':': '/a:b:c'", "write DESTINATION[:OPTION,OPTION]"},
    {"mounts: [{destination: /x}]", "mount for destination '/x' is missing type", ""},
    {"mounts: [{type: ext4}]", "mount type 'ext4' is missing destination", ""},
    {"capabilities: [CAP_NET_ADMN]", "unknown capability: 'CAP_NET_ADMN'; did you mean 'CAP_NET_ADMIN'?", ""},
    {"capabilities: [net_admin]", "unknown capability: 'net_admin'; did you mean 'CAP_NET_ADMIN'?", ""},
    {"ambient: [CAP_X]", "unknown capability: 'CAP_X'", ""},
    {"capabilities: [CAP_BPF, all]", "unknown capability: 'all'", "all and none must stand alone"},
    {"rlimits: ['nofile,1']", "cannot parse rlimit: 'nofile,1': expected three parts", "write NAME,SOFT,HARD"},
    {"rlimits: ['nofile,1,2,3']", "cannot parse rlimit: 'nofile,1,2,3': expected a number or unlimited, got '2,3'", ""},
    {"rlimits: ['nofile,-1,2']", "cannot parse rlimit: 'nofile,-1,2': expected a number or unlimited, got '-1'", ""},
    {"rlimits: ['nofile,1,18446744073709551616']",
     "cannot parse rlimit: 'nofile,1,18446744073709551616': expected a number or unlimited, got "
     "'18446744073709551616'",
     ""},
    {"rlimits: ['files,1,2']", "unknown limit: 'files' in rlimit 'files,1,2'",
     "the limits are those of setrlimit: nofile, nproc, memlock, stack and so on"},
    {"devices: [{path: /dev/x, type: c}]", "cannot parse device mode as octal value: '' for '/dev/x'",
     "write mode: \"0666\", in quotes"},
    {"devices: [{path: /dev/x, type: c, mode: '0888'}]", "cannot parse device mode as octal value: '0888' for '/dev/x'",
     "write mode: \"0666\", in quotes"},
    {"uid: web", "cannot find id: 'web'", "use a number, root, or the name of a container"},
    {"additionalGids: ['100']", "cannot find id: '100'", "write a number without quotes"},
};

TEST(ConfigJson, MistakesAreExplained) {
  for (const BadCase& test : kBad) {
    SCOPED_TRACE(test.yaml);
    try {
      config_of(test.yaml);
      ADD_FAILURE() << "accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.message(), test.message);
      EXPECT_EQ(error.hint(), test.hint);
    }
  }
}

TEST(EffectiveOptions, YamlReplacesTheLabelEvenWithAnEmptyList) {
  EXPECT_EQ(merged("{}", "command: [a]").at("process").at("args"), Texts{"a"});
  EXPECT_EQ(merged("command: [b]", "command: [a]").at("process").at("args"), Texts{"b"});
  EXPECT_TRUE(merged("capabilities: []", "capabilities: [all]").at("process").at("capabilities").empty());
  EXPECT_EQ(merged("readonly: false", "readonly: true").at("root").contains("readonly"), false);
  EXPECT_EQ(merged("annotations: {a: x}", "annotations: {b: y}").at("annotations"), json::parse(R"({"a": "x"})"));
}

TEST(EffectiveOptions, AnEmptyTextFallsThroughToTheLabel) {
  EXPECT_EQ(merged("hostname: ''", "hostname: a").at("hostname"), "a");
  EXPECT_EQ(merged("pid: ''", "pid: host").at("linux").at("namespaces").size(), 1u);
}

struct AddCase {
  const char* yaml;
  const char* label;
  Texts effective;
};

TEST(EffectiveOptions, AddedCapabilities) {
  const AddCase kCases[] = {
      {"capabilities.add: [CAP_BPF]", "capabilities: [CAP_KILL]", {"CAP_KILL", "CAP_BPF"}},
      {"capabilities.add: [CAP_BPF]", "{}", {"CAP_BPF"}},
      {"capabilities.add: [CAP_BPF]", "capabilities: [none]", {"CAP_BPF"}},
      {"{capabilities: [CAP_KILL], capabilities.add: [CAP_BPF]}", "capabilities: [CAP_CHOWN]", {"CAP_KILL"}},
      {"{}", "{capabilities: [CAP_KILL], capabilities.add: [CAP_BPF]}", {"CAP_KILL"}},
  };
  for (const AddCase& test : kCases)
    EXPECT_EQ(merged(test.yaml, test.label).at("process").at("capabilities").at("effective"), test.effective)
        << test.yaml << " on " << test.label;
  EXPECT_EQ(merged("capabilities.add: [CAP_BPF]", "capabilities: [all]")
                .at("process")
                .at("capabilities")
                .at("effective")
                .size(),
            41u);
}

TEST(EffectiveOptions, AddedBinds) {
  const json config = merged("binds.add: ['/a:/b']", "binds: ['/c:/d']");
  EXPECT_EQ(mount_at(config, "/b").at("source"), "/a");
  EXPECT_EQ(mount_at(config, "/d").at("source"), "/c");
  EXPECT_TRUE(mount_at(merged("{binds: [], binds.add: ['/a:/b']}", "binds: ['/c:/d']"), "/b").is_null());
}

TEST(EffectiveOptions, RuntimeIsMergedFieldByField) {
  const ContainerOptions both =
      effective_options(options("runtime: {mkdir: [a], bindNS: {net: /n}}"),
                        options("runtime: {mkdir: [b], cgroups: [c], bindNS: {net: /m, uts: /u}, namespace: x}"));
  const json runtime = json::parse(runtime_json(both, "d", "d/lower"));
  EXPECT_EQ(runtime.at("mkdir"), Texts{"a"});
  EXPECT_EQ(runtime.at("cgroups"), Texts{"c"});
  EXPECT_EQ(runtime.at("bindNS").at("net"), "/n");
  EXPECT_EQ(runtime.at("bindNS").at("uts"), "/u");
  EXPECT_EQ(runtime.at("namespace"), "x");
}

TEST(RuntimeJson, MountsOfTheUserFollowThoseOfTheRoot) {
  const json mounts = json::parse(runtime_json(options("{readonly: true, runtime: {mounts: [{source: /s}]}}"),
                                               "containers/services/a", "containers/onboot/000-a/rootfs"))
                          .at("mounts");
  EXPECT_EQ(mounts, json::parse(R"([{"destination": "/containers/services/a/rootfs",
    "source": "/containers/onboot/000-a/rootfs", "options": ["bind"]}, {"destination": "", "source": "/s"}])"));
}

TEST(Ids, CountFromHundredThroughAllSectionsAndTheLastNameWins) {
  const config::System system = config::load({{"t",
                                               "services: [{name: s, image: i}]\nonshutdown: [{name: d, image: i}]\n"
                                               "onboot: [{name: a, image: i}, {name: a, image: i}]\n",
                                               ""}},
                                             {});
  EXPECT_EQ(number_containers(system), (IdTable{{"a", 101}, {"d", 102}, {"s", 103}}));
}

TEST(Ids, ResolveToRootNumbersAndContainers) {
  const IdTable table{{"redis", 107}};
  EXPECT_EQ(resolve_id(7U, table), 7U);
  EXPECT_EQ(resolve_id("", table), 0U);
  EXPECT_EQ(resolve_id("root", table), 0U);
  EXPECT_EQ(resolve_id("redis", table), 107U);
}

}  // namespace
}  // namespace kiln::runtime
