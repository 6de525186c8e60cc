// Mistakes in lists of options, where they stand.
#include "runtime/check.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "config/load.h"

namespace kiln::runtime {
namespace {

struct CheckCase {
  const char* name;
  const char* keys;     ///< of a service whose keys begin on line 4
  const char* message;  ///< without the "t.yml:" in front; empty: it is right
};

constexpr CheckCase kCases[] = {
    {"Right",
     "  binds: ['/a:/b', 'data:/c:ro']\n  capabilities: [CAP_KILL]\n  ambient: [ALL]\n  rlimits: ['nofile,1,2']\n"
     "  tmpfs: ['/run:size=1m']\n  mounts: [{type: proc}]\n  devices: [{path: all, type: c}]\n",
     ""},
    {"Bind", "  binds: ['/a:/b', '/c']\n",
     "4:20: item 2 of 'binds' of service 'web': cannot parse bind, missing ':': '/c' (write "
     "SOURCE:DESTINATION[:OPTION,OPTION])"},
    {"BindOnALineOfItsOwn", "  binds:\n  - /a:/b\n  - /c:/d:ro:x\n",
     "6:5: item 2 of 'binds' of service 'web': cannot parse bind, too many ':': '/c:/d:ro:x' (write "
     "SOURCE:DESTINATION[:OPTION,OPTION])"},
    {"BindAdded", "  binds.add: [/c]\n",
     "4:15: item 1 of 'binds.add' of service 'web': cannot parse bind, missing ':': '/c' (write "
     "SOURCE:DESTINATION[:OPTION,OPTION])"},
    {"BindAddedWithoutEffect", "  binds: []\n  binds.add: [/c]\n", ""},
    {"Capability", "  capabilities: [CAP_KILL, cap_chown]\n",
     "4:28: item 2 of 'capabilities' of service 'web': unknown capability: 'cap_chown'; did you mean 'CAP_CHOWN'?"},
    {"CapabilityBesideAll", "  capabilities: [CAP_KILL, all]\n",
     "4:28: item 2 of 'capabilities' of service 'web': unknown capability: 'all' (all and none must stand alone)"},
    {"CapabilityAdded", "  capabilities.add: [CAP_X]\n",
     "4:22: item 1 of 'capabilities.add' of service 'web': unknown capability: 'CAP_X'"},
    {"Ambient", "  ambient: [CAP_X]\n", "4:13: item 1 of 'ambient' of service 'web': unknown capability: 'CAP_X'"},
    {"RlimitName", "  rlimits: ['nofile,1,2', 'files,1,2']\n",
     "4:27: item 2 of 'rlimits' of service 'web': unknown limit: 'files' in rlimit 'files,1,2' (the limits are those "
     "of "
     "setrlimit: nofile, nproc, memlock, stack and so on)"},
    {"RlimitParts", "  rlimits: ['nofile,1']\n",
     "4:13: item 1 of 'rlimits' of service 'web': cannot parse rlimit: 'nofile,1': expected three parts (write "
     "NAME,SOFT,HARD)"},
    {"Tmpfs", "  tmpfs: ['/a:b:c']\n",
     "4:11: item 1 of 'tmpfs' of service 'web': cannot parse tmpfs, too many ':': '/a:b:c' (write "
     "DESTINATION[:OPTION,OPTION])"},
    {"Mount", "  mounts: [{type: proc}, {destination: /x}]\n",
     "4:26: item 2 of 'mounts' of service 'web': mount for destination '/x' is missing type"},
    {"Device", "  devices: [{path: /dev/x, type: c, mode: '9'}]\n",
     "4:13: item 1 of 'devices' of service 'web': cannot parse device mode as octal value: '9' for '/dev/x' (write "
     "mode: \"0666\", in quotes)"},
    {"TypeAndValue", "  binds: [5, /c]\n",
     "4:11: item 1 of 'binds' of service 'web': expected a string, got the integer 5 (write \"5\" in quotes)\n"
     "t.yml:4:14: item 2 of 'binds' of service 'web': cannot parse bind, missing ':': '/c' (write "
     "SOURCE:DESTINATION[:OPTION,OPTION])"},
    {"AllOfThem", "  binds: [/a, /b]\n  capabilities: [CAP_A, CAP_B]\n",
     "4:11: item 1 of 'binds' of service 'web': cannot parse bind, missing ':': '/a' (write "
     "SOURCE:DESTINATION[:OPTION,OPTION])\n"
     "t.yml:4:15: item 2 of 'binds' of service 'web': cannot parse bind, missing ':': '/b' (write "
     "SOURCE:DESTINATION[:OPTION,OPTION])\n"
     "t.yml:5:18: item 1 of 'capabilities' of service 'web': unknown capability: 'CAP_A'\n"
     "t.yml:5:25: item 2 of 'capabilities' of service 'web': unknown capability: 'CAP_B'"},
};

/// The message, with a hint as it stands among several.
std::string mistakes(const std::string& keys) {
  const std::string yaml = concat("services:\n- name: web\n  image: nginx\n", keys, "volumes: [{name: data}]\n");
  try {
    config::load({{"t.yml", yaml, ""}}, {}, check_options);
    return "";
  } catch (const Error& error) {
    return error.message() + (error.hint().empty() ? "" : concat(" (", error.hint(), ")"));
  }
}

TEST(Check, EveryMistakeStandsAtItsElement) {
  for (const CheckCase& test : kCases) {
    const std::string expected = *test.message == '\0' ? "" : concat("t.yml:", test.message);
    EXPECT_EQ(mistakes(test.keys), expected) << test.name;
  }
}

}  // namespace
}  // namespace kiln::runtime
