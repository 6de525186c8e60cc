#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "config/load.h"
#include "config/resources.h"
#include "config/yaml_emitter.h"

namespace kiln::config {
namespace {

TEST(GoJson, EscapesWhatGoEscapes) {
  EXPECT_EQ(to_go_json(Value{"<a> & \"b\" \\ \n\t\x01 \u00fc \u2028\u2029"}),
            "\"\\u003ca\\u003e \\u0026 \\\"b\\\" \\\\ \\n\\t\\u0001 \u00fc \\u2028\\u2029\"");
}

TEST(GoJson, EmptyListsAndObjectsStayOnOneLine) {
  Value value;
  value.add("a", Value::List{}).add("b", Value::Object{}).add("c", Value{}).add("d", Value::List{1, true});
  EXPECT_EQ(to_go_json(value),
            "{\n    \"a\": [],\n    \"b\": {},\n    \"c\": null,\n    \"d\": [\n        1,\n        true\n    ]\n}");
}

struct TextCase {
  const char* text;
  const char* yaml;  ///< of {"k": text}
};

const TextCase kTexts[] = {
    {"plain", "k: plain\n"},
    {"", "k: \"\"\n"},
    {"true", "k: \"true\"\n"},
    {"yes", "k: \"yes\"\n"},
    {"Off", "k: \"Off\"\n"},
    {"null", "k: \"null\"\n"},
    {"1024", "k: \"1024\"\n"},
    {"0644", "k: \"0644\"\n"},
    {"1.5", "k: \"1.5\"\n"},
    {"2017-04-18", "k: \"2017-04-18\"\n"},
    {"10:30", "k: \"10:30\"\n"},
    {"a: b", "k: 'a: b'\n"},
    {"a:b", "k: a:b\n"},
    {"a #b", "k: 'a #b'\n"},
    {"a#b", "k: a#b\n"},
    {"- a", "k: '- a'\n"},
    {"-a", "k: -a\n"},
    {"'quoted'", "k: '''quoted'''\n"},
    {"@daily", "k: '@daily'\n"},
    {"*", "k: '*'\n"},
    {"[x]", "k: '[x]'\n"},
    {" lead", "k: ' lead'\n"},
    {"trail ", "k: 'trail '\n"},
    {"tab\there", "k: \"tab\\there\"\n"},
    {"esc\x1b", "k: \"esc\\e\"\n"},
    {"\u00fcn\u00ef", "k: \u00fcn\u00ef\n"},
    {"\U0001f600", "k: \"\\U0001F600\"\n"},
    {"two\nlines", "k: |-\n  two\n  lines\n"},
    {"two\nlines\n", "k: |\n  two\n  lines\n"},
    {"more\n\n\n", "k: |+\n  more\n\n\n"},
    {"\nfirst", "k: |2-\n\n  first\n"},
    {"a\n\n b\n", "k: |\n  a\n\n   b\n"},
    {"a \nb", "k: \"a \\nb\"\n"},
    {"tab\there\n", "k: \"tab\\there\\n\"\n"},
    {"\n", "k: |2+\n\n"},
    {"--- a", "k: '--- a'\n"},
    {"aaaaaaaaa bbbbbbbbb ccccccccc ddddddddd eeeeeeeee fffffffff ggggggggg hhhhhhhhh iii jjj",
     "k: aaaaaaaaa bbbbbbbbb ccccccccc ddddddddd eeeeeeeee fffffffff ggggggggg hhhhhhhhh\n  iii jjj\n"},
};

TEST(YamlEmitter, ChoosesTheStyleThatYamlV2Chooses) {
  for (const TextCase& test : kTexts) EXPECT_EQ(to_yaml_text(Value{}.add("k", test.text)), test.yaml) << test.text;
}

TEST(YamlEmitter, EveryTextIsReadBack) {
  for (const TextCase& test : kTexts) {
    const Value document = Value{}.add("kernel", Value{}.add("cmdline", test.text));
    EXPECT_EQ(load({{"t", to_yaml_text(document), ""}}, {}).kernel->cmdline, test.text);
  }
}

System service(const std::string& lines) {
  return load({{"t", "services:\n- name: s\n  image: redis\n" + lines, ""}}, {});
}

TEST(Describe, ImagesAreExpandedAndEmptySectionsDiffer) {
  const System system = load({{"t", "init: [redis, a/b, 'x.y/z']\n", ""}}, {});
  EXPECT_EQ(to_yaml(system),
            "kernel:\n  image: \"\"\ninit:\n- docker.io/library/redis\n- docker.io/a/b\n- x.y/z\nonboot: []\n"
            "onshutdown: []\nservices: []\nfiles: []\nvolumes: []\n");
  EXPECT_THAT(to_json(system), testing::HasSubstr("\"onboot\": null,"));
}

TEST(Describe, DryRunIsIndentedByFour) {
  EXPECT_EQ(
      to_yaml(service("  command: [a, \"b\\nc\"]\n  runtime:\n    interfaces: [{name: n}]\n"), YamlStyle::dry_run),
      "kernel:\n    image: \"\"\ninit: []\nonboot: []\nonshutdown: []\nservices:\n    - name: s\n"
      "      image: docker.io/library/redis\n      command:\n        - a\n        - |-\n          b\n          c\n"
      "      runtime:\n        interfaces:\n            - name: \"n\"\n              createInRoot: false\n"
      "files: []\nvolumes: []\n");
}

TEST(Describe, RuntimeOfJsonAlwaysHasBindNs) {
  EXPECT_THAT(to_json(service("  runtime: {mkdir: [a]}\n")), testing::HasSubstr("\"bindNS\": {}"));
  EXPECT_THAT(to_yaml(service("  runtime: {mkdir: [a]}\n")), testing::Not(testing::HasSubstr("bindNS")));
}

/// Whatever it was written as, it can be read back.
TEST(Describe, WhatIsShownIsReadBack) {
  const std::string all =
      "kernel: {image: k, cmdline: 'a=1 <b>', tar: none}\ninit: [i]\nvolumes: [{name: v, image: d, readonly: true}]\n"
      "services:\n- name: s\n  image: redis\n  capabilities: []\n  binds: ['v:/v:ro']\n  uid: 5\n  env: [a=b]\n"
      "  mounts: [{type: tmpfs, destination: /t, uidMappings: [{hostID: 1, containerID: 2, size: 3}]}]\n"
      "  devices: [{path: /dev/x, type: c, major: 1, minor: 2, mode: '0666'}]\n  sysctl: {a: b}\n"
      "  oomScoreAdj: -5\n  resources: {memory: {limit: 1}, blockio: {weight: 2}}\n"
      "  runtime: {mkdir: [/m], interfaces: [{name: e, add: veth}], bindNS: {net: /n}}\n"
      "files: [{path: c, metadata: json}, {path: d, directory: true, uid: s, mode: '0700'}]\n";
  for (const std::string& yaml : {all, std::string{"init: [i]\n"}, std::string{"{}"}}) {
    const System system = load({{"t", yaml, "."}}, {});
    EXPECT_EQ(to_yaml(load_shown({"t", to_json(system), "."})), to_yaml(system));
    EXPECT_EQ(to_yaml(load_shown({"t", to_yaml(system), "."})), to_yaml(system));
    EXPECT_EQ(to_yaml(load_shown({"t", to_yaml(system, YamlStyle::dry_run), "."})), to_yaml(system));
  }
}

TEST(Describe, WhatIsShownWronglyIsRefused) {
  EXPECT_THAT(
      [] {
        load_shown({"t", "{\"init\": null, \"kernel\": 7}", "."});
      },
      testing::ThrowsMessage<Error>("t:1:26: 'kernel': expected a mapping, got the integer 7"));
  EXPECT_THAT(
      [] {
        load_shown({"t", "{\"init\": [", "."});
      },
      testing::ThrowsMessage<Error>(testing::StartsWith("t:1:")));
}

TEST(Describe, KeysOfMapsAreInNaturalOrder) {
  EXPECT_THAT(to_yaml(service("  sysctl: {a10: x, a9: x, a-b: x, ab: x}\n")),
              testing::HasSubstr("  sysctl:\n    a-b: x\n    a9: x\n    a10: x\n    ab: x\n"));
}

/// All keys of `resources`, as the schema spells them.
constexpr char kResources[] =
    "  resources:\n"
    "    devices: [{allow: true, type: c, major: 1, minor: 2, access: rwm}]\n"
    "    memory: {limit: 1, reservation: 2, swap: -1, kernel: 4, kernelTCP: 5, swappiness: 6, disableOOMKiller: true}\n"
    "    cpu: {shares: 1, quota: -1, period: 3, realtimeRuntime: 4, realtimePeriod: 5, cpus: '0-1', mems: '0'}\n"
    "    pids: {limit: 7}\n"
    "    blockio: {weight: 1, leafWeight: 2, weightDevice: [{major: 8, minor: 0, weight: 3, leafWeight: 4}],\n"
    "      throttleReadBpsDevice: [{major: 8, minor: 0, rate: 5}], throttleWriteBpsDevice: [{rate: 6}],\n"
    "      throttleReadIOPSDevice: [{rate: 7}], throttleWriteIOPSDevice: [{rate: 8}]}\n"
    "    hugepageLimits: [{pageSize: 2097152, limit: 9}, {pageSize: 64KB}]\n"
    "    network: {classID: 1, priorities: [{name: eth0, priority: 2}]}\n";

std::string squeeze(std::string text) {
  std::string out;
  for (char c : text)
    if (c != ' ' && c != '\n') out += c;
  return out;
}

constexpr char kResourcesJson[] =
    R"({"devices":[{"allow":true,"type":"c","major":1,"minor":2,"access":"rwm"}],)"
    R"("memory":{"limit":1,"reservation":2,"swap":-1,"kernel":4,"kernelTCP":5,"swappiness":6,"disableOOMKiller":true},)"
    R"("cpu":{"shares":1,"quota":-1,"period":3,"realtimeRuntime":4,"realtimePeriod":5,"cpus":"0-1","mems":"0"},)"
    R"("pids":{"limit":7},)"
    R"("blockIO":{"weight":1,"leafWeight":2,"weightDevice":[{"major":8,"minor":0,"weight":3,"leafWeight":4}],)"
    R"("throttleReadBpsDevice":[{"major":8,"minor":0,"rate":5}],)"
    R"("throttleWriteBpsDevice":[{"major":0,"minor":0,"rate":6}],)"
    R"("throttleReadIOPSDevice":[{"major":0,"minor":0,"rate":7}],)"
    R"("throttleWriteIOPSDevice":[{"major":0,"minor":0,"rate":8}]},)"
    R"("hugepageLimits":[{"pageSize":"2MB","limit":9},{"pageSize":"64KB","limit":0}],)"
    R"("network":{"classID":1,"priorities":[{"name":"eth0","priority":2}]}})";

TEST(Resources, EveryKeyReachesConfigJson) {
  const System system = service(kResources);
  EXPECT_EQ(squeeze(to_go_json(resources_for_json(*system.services.at(0).options.resources))), kResourcesJson);
}

TEST(Resources, TheLowerCaseNamesOfLinuxKitsDecoderWorkToo) {
  std::string lower = kResources;
  for (const char* name : {"kernelTCP", "disableOOMKiller", "realtimeRuntime", "realtimePeriod", "leafWeight",
                           "weightDevice", "throttleReadBpsDevice", "throttleWriteBpsDevice", "throttleReadIOPSDevice",
                           "throttleWriteIOPSDevice", "hugepageLimits", "pageSize", "classID"}) {
    for (std::size_t at = lower.find(name); at != std::string::npos; at = lower.find(name, at + 1))
      for (std::size_t i = at; i < at + std::string_view{name}.size(); ++i)
        if (lower[i] >= 'A' && lower[i] <= 'Z') lower[i] = static_cast<char>(lower[i] + 32);
  }
  EXPECT_EQ(squeeze(to_go_json(resources_for_json(*service(lower).services.at(0).options.resources))), kResourcesJson);
}

TEST(Resources, EmptyOnesAreEmpty) {
  for (const char* yaml : {"  resources: {}\n", "  resources: {devices: [], hugepageLimits: []}\n"})
    EXPECT_EQ(to_go_json(resources_for_json(*service(yaml).services.at(0).options.resources)), "{}") << yaml;
}

TEST(Resources, AsTheyAreShownTheyCanBeReadBack) {
  for (const std::string& yaml : {std::string{kResources}, std::string{"  resources: {pids: {limit: 1}}\n"}}) {
    const std::string shown = to_yaml(service(yaml));
    const System again = load({{"shown.yml", shown, "."}}, {});
    EXPECT_EQ(to_yaml(again), shown);
    EXPECT_EQ(to_go_json(resources_for_json(*again.services.at(0).options.resources)),
              to_go_json(resources_for_json(*service(yaml).services.at(0).options.resources)));
  }
}

}  // namespace
}  // namespace kiln::config
