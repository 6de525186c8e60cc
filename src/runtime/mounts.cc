#include "runtime/mounts.h"

#include <algorithm>
#include <map>
#include <string_view>

#include "base/error.h"

namespace kiln::runtime {
namespace {

using config::Mount;
using config::Value;
using MountTable = std::map<std::string, Mount, std::less<>>;

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  for (;;) {
    const std::size_t at = text.find(separator);
    parts.emplace_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

void put(MountTable& table, Mount mount) { table[mount.destination] = std::move(mount); }

MountTable default_mounts(bool readonly) {
  MountTable table;
  put(table, {"/proc", "proc", "proc", {"nosuid", "nodev", "noexec", "relatime"}, {}, {}});
  Mount dev{"/dev", "tmpfs", "tmpfs", {"nosuid", "strictatime", "mode=755", "size=65536k"}, {}, {}};
  Mount sys{"/sys", "sysfs", "sysfs", {"nosuid", "noexec", "nodev"}, {}, {}};
  if (readonly) {
    dev.options.push_back("ro");
    sys.options.push_back("ro");
  }
  put(table, std::move(dev));
  put(table, std::move(sys));
  put(table,
      {"/dev/pts", "devpts", "devpts", {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"}, {}, {}});
  put(table, {"/sys/fs/cgroup", "cgroup", "cgroup", {"nosuid", "noexec", "nodev", "relatime", "ro"}, {}, {}});
  return table;
}

std::string_view usual_destination(std::string_view type) {
  static constexpr std::pair<std::string_view, std::string_view> kUsual[] = {
      {"proc", "/proc"},         {"devpts", "/dev/pts"}, {"sysfs", "/sys"}, {"cgroup", "/sys/fs/cgroup"},
      {"mqueue", "/dev/mqueue"},
  };
  for (const auto& [name, destination] : kUsual)
    if (name == type) return destination;
  return {};
}

}  // namespace

Mount parse_tmpfs(const std::string& text) {
  const std::vector<std::string> parts = split(text, ':');
  if (parts.size() > 2)
    throw Error{"cannot parse tmpfs, too many ':': ", quote(text)}.with_hint("write DESTINATION[:OPTION,OPTION]");
  return {parts[0], "tmpfs", "tmpfs", parts.size() == 2 ? split(parts[1], ',') : std::vector<std::string>{}, {}, {}};
}

Mount parse_bind(const std::string& text) {
  constexpr char kForm[] = "write SOURCE:DESTINATION[:OPTION,OPTION]";
  const std::vector<std::string> parts = split(text, ':');
  if (parts.size() < 2) throw Error{"cannot parse bind, missing ':': ", quote(text)}.with_hint(kForm);
  if (parts.size() > 3) throw Error{"cannot parse bind, too many ':': ", quote(text)}.with_hint(kForm);
  std::vector<std::string> options{"rw", "rbind", "rshared"};
  if (parts.size() == 3) {
    options = split(parts[2], ',');
    options.push_back("rbind");
  }
  return {parts[1], "bind", parts[0], std::move(options), {}, {}};
}

Mount complete_mount(Mount mount) {
  if (mount.type.empty() && !usual_destination(mount.source).empty()) mount.type = mount.source;
  if (mount.type.empty() && mount.destination == "/dev") mount.type = "tmpfs";
  if (mount.type.empty()) throw Error{"mount for destination ", quote(mount.destination), " is missing type"};
  if (mount.source.empty()) mount.source = mount.type;
  if (mount.destination.empty()) mount.destination = usual_destination(mount.type);
  if (mount.destination.empty()) throw Error{"mount type ", quote(mount.type), " is missing destination"};
  return mount;
}

std::vector<Mount> container_mounts(const config::ContainerOptions& options) {
  MountTable table = default_mounts(options.readonly.value_or(false));
  for (const std::string& text : options.tmpfs.value_or(std::vector<std::string>{})) put(table, parse_tmpfs(text));
  for (const std::string& text : options.binds.value_or(std::vector<std::string>{})) put(table, parse_bind(text));
  for (const Mount& mount : options.mounts.value_or(std::vector<Mount>{})) put(table, complete_mount(mount));
  std::vector<Mount> mounts;
  for (auto& [destination, mount] : table) mounts.push_back(std::move(mount));
  return mounts;
}

Value to_value(const std::vector<std::string>& texts) { return Value::List{texts.begin(), texts.end()}; }

Value to_value(const std::vector<config::IdMapping>& mappings) {
  Value list;
  for (const config::IdMapping& mapping : mappings)
    list.append(
        Value{}.add("containerID", mapping.container_id).add("hostID", mapping.host_id).add("size", mapping.size));
  return list;
}

Value to_value(const Mount& mount) {
  Value value;
  value.add("destination", mount.destination);
  if (!mount.type.empty()) value.add("type", mount.type);
  if (!mount.source.empty()) value.add("source", mount.source);
  if (!mount.options.empty()) value.add("options", to_value(mount.options));
  if (!mount.uid_mappings.empty()) value.add("uidMappings", to_value(mount.uid_mappings));
  if (!mount.gid_mappings.empty()) value.add("gidMappings", to_value(mount.gid_mappings));
  return value;
}

Value to_value(const std::vector<Mount>& mounts) {
  Value list{Value::List{}};
  for (const Mount& mount : mounts) list.append(to_value(mount));
  return list;
}

}  // namespace kiln::runtime
