#include "runtime/capabilities.h"

#include <algorithm>
#include <string_view>

#include "base/error.h"
#include "config/nearest.h"

namespace kiln::runtime {
namespace {

constexpr std::string_view kCapabilities[] = {
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_DAC_READ_SEARCH",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETPCAP",
    "CAP_LINUX_IMMUTABLE",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_BROADCAST",
    "CAP_NET_ADMIN",
    "CAP_NET_RAW",
    "CAP_IPC_LOCK",
    "CAP_IPC_OWNER",
    "CAP_SYS_MODULE",
    "CAP_SYS_RAWIO",
    "CAP_SYS_CHROOT",
    "CAP_SYS_PTRACE",
    "CAP_SYS_PACCT",
    "CAP_SYS_ADMIN",
    "CAP_SYS_BOOT",
    "CAP_SYS_NICE",
    "CAP_SYS_RESOURCE",
    "CAP_SYS_TIME",
    "CAP_SYS_TTY_CONFIG",
    "CAP_MKNOD",
    "CAP_LEASE",
    "CAP_AUDIT_WRITE",
    "CAP_AUDIT_CONTROL",
    "CAP_SETFCAP",
    "CAP_MAC_OVERRIDE",
    "CAP_MAC_ADMIN",
    "CAP_SYSLOG",
    "CAP_WAKE_ALARM",
    "CAP_BLOCK_SUSPEND",
    "CAP_AUDIT_READ",
    "CAP_PERFMON",
    "CAP_BPF",
    "CAP_CHECKPOINT_RESTORE",
};

bool is_the_word(const std::vector<std::string>& names, std::string_view word) {
  const auto same = [](char a, char b) { return a == b || (a >= 'A' && a <= 'Z' && a + 32 == b); };
  return names.size() == 1 && names[0].size() == word.size() &&
         std::equal(names[0].begin(), names[0].end(), word.begin(), same);
}

[[noreturn]] void throw_unknown(const std::string& name) {
  if (is_every_capability({name}) || is_no_capability({name}))
    throw Error{"unknown capability: ", quote(name)}.with_hint("all and none must stand alone");
  const std::string full = name.starts_with("CAP_") || name.starts_with("cap_") ? name : "CAP_" + name;
  const auto meant = config::nearest(full, {std::begin(kCapabilities), std::end(kCapabilities)});
  throw Error{"unknown capability: ", quote(name), meant ? concat("; did you mean ", quote(*meant), "?") : ""};
}

}  // namespace

bool is_every_capability(const std::vector<std::string>& names) { return is_the_word(names, "all"); }
bool is_no_capability(const std::vector<std::string>& names) { return is_the_word(names, "none"); }

std::vector<std::string> expand_capabilities(const std::vector<std::string>& names) {
  if (is_no_capability(names)) return {};
  if (is_every_capability(names)) return {std::begin(kCapabilities), std::end(kCapabilities)};
  for (const std::string& name : names) check_capability(name);
  return names;
}

void check_capability(const std::string& name) {
  if (std::find(std::begin(kCapabilities), std::end(kCapabilities), name) == std::end(kCapabilities))
    throw_unknown(name);
}

}  // namespace kiln::runtime
