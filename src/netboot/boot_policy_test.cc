#include "netboot/boot_policy.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace kiln::netboot {
namespace {

const std::vector<std::string_view> kSystems{"web", "database"};

constexpr char kPolicy[] = R"(
machines:
  - name: db-1
    match: {mac: 52-54-00-12-34-56}
    os: database
    kernel-args: ["console=ttyS1,115200", quiet]
    memory: 2G
  - match: {arch: amd64, serial: ["C7*", 8812]}
    ignore: true
  - name: rack
    match: {mac: "52:54:01:*", uuid: ["*-000000000001", "*-000000000002"]}
    kernel-args: rack=7
default:
  os: web
)";

struct ChoiceCase {
  const char* name;
  MachineFacts facts;
  const char* expected;
};

std::string describe(const BootChoice& choice) {
  std::string text = concat(choice.name, "|", choice.os, "|");
  for (const std::string& argument : choice.kernel_args) text += argument + " ";
  return text + concat("|", choice.memory >> 20, choice.ignore ? "|ignored" : "");
}

const ChoiceCase kChoices[] = {
    {"ByMac", {"52:54:00:12:34:56", "", "", "arm64"}, "db-1|database|console=ttyS1,115200 quiet |2048"},
    {"BySerialAndArchitecture", {"02:00:00:00:00:01", "", "c7a1", "amd64"}, "|||0|ignored"},
    {"SerialThatLooksLikeANumber", {"02:00:00:00:00:01", "", "8812", "amd64"}, "|||0|ignored"},
    {"AllMustMatch", {"02:00:00:00:00:01", "", "C7A1", "arm64"}, "|web||0"},
    {"PrefixAndOneOfSeveral", {"52:54:01:00:00:09", "4c4c4544-0000-0000-0000-000000000002", "", ""}, "rack||rack=7 |0"},
    {"WhatIsNotKnownDoesNotMatch", {"52:54:01:00:00:09", "", "", ""}, "|web||0"},
};

class Choices : public testing::TestWithParam<ChoiceCase> {};
TEST_P(Choices, FirstMatchWins) {
  const BootPolicy policy = BootPolicy::parse(kPolicy, "p.yml", kSystems);
  EXPECT_EQ(describe(policy.choose(GetParam().facts)), GetParam().expected);
}
INSTANTIATE_TEST_SUITE_P(Policy, Choices, testing::ValuesIn(kChoices), [](const auto& row) { return row.param.name; });

TEST(BootPolicy, WithoutOneEveryMachineGetsTheFirstSystem) {
  EXPECT_EQ(describe(BootPolicy{}.choose({"52:54:00:12:34:56", "", "", ""})), "|||0");
}

struct MistakeCase {
  const char* name;
  const char* text;
  const char* message;
};

constexpr MistakeCase kMistakes[] = {
    {"KeyMisspelt", "machine: []", "p.yml:1:1: unknown key 'machine' in policy; did you mean 'machines'?"},
    {"NotAMapping", "- a", "p.yml:1:1: policy: expected a mapping, got a list"},
    {"RuleKeyMisspelt", "machines:\n  - mach: {mac: \"*\"}\n    match: {mac: \"*\"}",
     "p.yml:2:5: unknown key 'mach' in item 1 of 'machines' of policy; did you mean 'match'?"},
    {"NoMatch", "machines:\n  - os: web", "p.yml:2:5: item 1 of 'machines' of policy: 'match' is missing"},
    {"EmptyMatch", "machines:\n  - match: {}",
     "p.yml:2:12: 'match' of item 1 of 'machines' of policy: names nothing to match"},
    {"BadMac", "machines:\n  - match: {mac: 52:54:00}", "p.yml:2:18: '52:54:00' is no MAC address"},
    {"BadArchitecture", "machines:\n  - match: {arch: amd46}",
     "p.yml:2:19: no architecture 'amd46'; did you mean 'amd64'? There are: arm64, amd64, riscv64, loong64, 386, arm"},
    {"NoSuchSystem", "default:\n  os: wep", "p.yml:2:7: no system 'wep'; did you mean 'web'? There are: web, database"},
    {"BadMemory", "default: {memory: lots}",
     "p.yml:1:19: 'memory' of 'default' of policy: expected a size like 512M or 2G, got 'lots'"},
    {"WordsThatAreNone", "default: {kernel-args: {a: b}}",
     "p.yml:1:24: 'kernel-args' of 'default' of policy: expected a string, or a list of strings, got a mapping"},
    {"CommaInAList", "default: {kernel-args: [console=ttyS1,115200]}",
     "p.yml:1:39: 'kernel-args' of 'default' of policy: 115200 is a parameter of its own here"},
    {"Several", "default: {ignore: 1, os: x}",
     "p.yml:1:19: 'ignore' of 'default' of policy: expected true or false, got the integer 1 (write true)\n"
     "p.yml:1:26: no system 'x'; there are: web, database"},
};

class Mistakes : public testing::TestWithParam<MistakeCase> {};
TEST_P(Mistakes, AreNamedWithTheirPlace) {
  try {
    BootPolicy::parse(GetParam().text, "p.yml", kSystems);
    FAIL() << "it was accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.message(), GetParam().message);
  }
}
INSTANTIATE_TEST_SUITE_P(Policy, Mistakes, testing::ValuesIn(kMistakes),
                         [](const auto& row) { return row.param.name; });

struct PatternCase {
  const char* pattern;
  const char* text;
  bool matches;
};
constexpr PatternCase kPatterns[] = {{"*", "", true},        {"*", "abc", true},         {"a*c", "abbc", true},
                                     {"a*c", "abcd", false}, {"a*b*c", "axbxbxc", true}, {"", "", true},
                                     {"", "a", false},       {"ABC", "abc", true},       {"a**", "a", true}};
TEST(BootPolicy, Patterns) {
  for (const PatternCase& row : kPatterns) {
    EXPECT_EQ(matches_pattern(row.pattern, row.text), row.matches) << row.pattern << " " << row.text;
  }
}

}  // namespace
}  // namespace kiln::netboot
