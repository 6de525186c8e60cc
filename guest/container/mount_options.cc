#include "container/mount_options.h"

#include <sys/mount.h>

#include <cstddef>
#include <string_view>

namespace guest {
namespace {

struct OptionRow {
  std::string_view word;
  unsigned long set;
  unsigned long clear;
};

constexpr OptionRow kFlags[] = {
    {"async", 0, MS_SYNCHRONOUS},
    {"atime", 0, MS_NOATIME},
    {"bind", MS_BIND, 0},
    {"defaults", 0, 0},
    {"dev", 0, MS_NODEV},
    {"diratime", 0, MS_NODIRATIME},
    {"dirsync", MS_DIRSYNC, 0},
    {"exec", 0, MS_NOEXEC},
    {"mand", MS_MANDLOCK, 0},
    {"noatime", MS_NOATIME, 0},
    {"nodev", MS_NODEV, 0},
    {"nodiratime", MS_NODIRATIME, 0},
    {"noexec", MS_NOEXEC, 0},
    {"nomand", 0, MS_MANDLOCK},
    {"norelatime", 0, MS_RELATIME},
    {"nostrictatime", 0, MS_STRICTATIME},
    {"nosuid", MS_NOSUID, 0},
    {"rbind", MS_BIND | MS_REC, 0},
    {"relatime", MS_RELATIME, 0},
    {"remount", MS_REMOUNT, 0},
    {"ro", MS_RDONLY, 0},
    {"rw", 0, MS_RDONLY},
    {"strictatime", MS_STRICTATIME, 0},
    {"suid", 0, MS_NOSUID},
    {"sync", MS_SYNCHRONOUS, 0},
};

constexpr OptionRow kPropagation[] = {
    {"private", MS_PRIVATE, 0},       {"rprivate", MS_PRIVATE | MS_REC, 0},
    {"shared", MS_SHARED, 0},         {"rshared", MS_SHARED | MS_REC, 0},
    {"slave", MS_SLAVE, 0},           {"rslave", MS_SLAVE | MS_REC, 0},
    {"unbindable", MS_UNBINDABLE, 0}, {"runbindable", MS_UNBINDABLE | MS_REC, 0},
};

template <std::size_t N>
const OptionRow* find(const OptionRow (&rows)[N], std::string_view word) {
  for (const OptionRow& row : rows) {
    if (row.word == word) return &row;
  }
  return nullptr;
}

}  // namespace

MountOptions parse_mount_options(const std::vector<std::string>& options) {
  MountOptions parsed;
  for (const std::string& option : options) {
    if (option.empty()) continue;
    if (const OptionRow* row = find(kFlags, option)) {
      parsed.flags = (parsed.flags & ~row->clear) | row->set;
    } else if (const OptionRow* change = find(kPropagation, option)) {
      parsed.propagation = change->set;
    } else {
      if (!parsed.data.empty()) parsed.data += ',';
      parsed.data += option;
    }
  }
  return parsed;
}

std::string mount_data_value(const std::string& data, const std::string& key) {
  std::string_view rest = data;
  while (!rest.empty()) {
    std::size_t comma = rest.find(',');
    std::string_view field = rest.substr(0, comma);
    if (field.size() > key.size() && field.substr(0, key.size()) == key && field[key.size()] == '=') {
      return std::string{field.substr(key.size() + 1)};
    }
    rest.remove_prefix(comma == std::string_view::npos ? rest.size() : comma + 1);
  }
  return {};
}

}  // namespace guest
