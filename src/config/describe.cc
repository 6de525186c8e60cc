// The configuration as `metadata: yaml|json` and --dry-run show it (spec yaml.md §12.2): members in the order of
// LinuxKit's model, as its YAML and JSON libraries write them. YAML shows OCI's structures with lower-case names and
// every member; JSON leaves empty ones out but has null for empty sections.
//
// Known differences, all on purpose: a section or `runtime` that is present but empty is shown as if it were absent,
// and id mappings have their numbers (LinuxKit lost them).
#include <algorithm>
#include <tuple>

#include "base/error.h"
#include "config/load.h"
#include "config/resources.h"
#include "config/yaml_emitter.h"
#include "oci/reference.h"

namespace kiln::config {
namespace {

enum class Style { yaml, json };

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c & 0x80) != 0; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// The order yaml.v2 gives to the keys of a map: digits count as numbers, other signs stand before letters.
bool natural_less(std::string_view a, std::string_view b) {
  const std::size_t i =
      static_cast<std::size_t>(std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first - a.begin());
  if (i == a.size() || i == b.size()) return a.size() < b.size();
  if (is_letter(a[i]) && is_letter(b[i])) return a[i] < b[i];
  if (is_letter(a[i]) || is_letter(b[i])) return is_letter(b[i]);
  const auto number = [i](std::string_view text) {
    std::size_t end = i;
    std::uint64_t value = 0;
    for (; end < text.size() && is_digit(text[end]); ++end)
      value = value * 10 + static_cast<std::uint64_t>(text[end] - '0');
    return std::pair{value, end};
  };
  return std::tuple{number(a), a[i]} < std::tuple{number(b), b[i]};
}

/// The members of one object, in order: always there, only if not empty, or only if given.
class Members {
 public:
  explicit Members(Style style) : style_{style} {}

  void always(std::string_view key, Value value) { value_.add(std::string{key}, std::move(value)); }
  void text(std::string_view key, const std::string& text) {
    if (!text.empty()) always(key, text);
  }
  void text(std::string_view key, const std::optional<std::string>& value) { text(key, value.value_or("")); }
  template <typename T>
  void given(std::string_view key, const std::optional<T>& value) {
    if (value) always(key, show(*value));
  }
  Value take() { return std::move(value_); }

 private:
  Value show(bool value) { return value; }
  Value show(std::int64_t value) { return value; }
  Value show(const std::string& value) { return value; }
  Value show(const Id& id) {
    return std::visit([](const auto& value) -> Value { return value; }, id);
  }
  Value show(const Mount& mount);
  Value show(const Device& device);
  Value show(const IdMapping& mapping);
  Value show(const Interface& interface);
  Value show(const Resources& resources) {
    return style_ == Style::yaml ? resources_for_yaml(resources) : resources_for_json(resources);
  }
  Value show(const std::map<std::string, std::string>& texts);
  template <typename T>
  Value show(const std::vector<T>& items) {
    Value::List list;
    for (const T& item : items) list.push_back(show(item));
    return list;
  }

  Style style_;
  Value value_{Value::Object{}};
};

Value Members::show(const Mount& mount) {
  Members members{style_};
  const auto list = [&](std::string_view yaml, std::string_view json, const auto& items) {
    if (style_ == Style::yaml || !items.empty()) members.always(style_ == Style::yaml ? yaml : json, show(items));
  };
  const auto word = [&](std::string_view key, const std::string& word_text) {
    if (style_ == Style::yaml || !word_text.empty()) members.always(key, word_text);
  };
  members.always("destination", mount.destination);
  word("type", mount.type);
  word("source", mount.source);
  list("options", "options", mount.options);
  list("uidmappings", "uidMappings", mount.uid_mappings);
  list("gidmappings", "gidMappings", mount.gid_mappings);
  return members.take();
}

Value Members::show(const Device& device) {
  Members members{style_};
  members.always("path", device.path);
  members.always("type", device.type);
  members.always("major", device.major);
  members.always("minor", device.minor);
  members.text("mode", device.mode);
  return members.take();
}

Value Members::show(const IdMapping& mapping) {
  Members members{style_};
  members.always(style_ == Style::yaml ? "containerid" : "containerID", mapping.container_id);
  members.always(style_ == Style::yaml ? "hostid" : "hostID", mapping.host_id);
  members.always("size", mapping.size);
  return members.take();
}

Value Members::show(const Interface& interface) {
  Members members{style_};
  members.text("name", interface.name);
  members.text("add", interface.add);
  members.text("peer", interface.peer);
  members.always("createInRoot", interface.create_in_root);
  return members.take();
}

Value Members::show(const std::map<std::string, std::string>& texts) {
  std::vector<std::pair<std::string, std::string>> sorted{texts.begin(), texts.end()};
  if (style_ == Style::yaml)
    std::stable_sort(sorted.begin(), sorted.end(),
                     [](const auto& a, const auto& b) { return natural_less(a.first, b.first); });
  Value object{Value::Object{}};
  for (auto& [key, text] : sorted) object.add(key, text);
  return object;
}

Value bind_namespaces(const BindNamespaces& names, Style style) {
  Members members{style};
  members.given("cgroup", names.cgroup);
  members.given("ipc", names.ipc);
  members.given("mnt", names.mnt);
  members.given("net", names.net);
  members.given("pid", names.pid);
  members.given("user", names.user);
  members.given("uts", names.uts);
  return members.take();
}

void add_runtime(Members& out, const Runtime& runtime, Style style) {
  const Value names = bind_namespaces(runtime.bind_ns, style);
  const bool empty = !runtime.cgroups && !runtime.mounts && !runtime.mkdir && !runtime.interfaces && names.empty() &&
                     !runtime.namespace_name;
  if (empty) return;
  Members members{style};
  members.given("cgroups", runtime.cgroups);
  members.given("mounts", runtime.mounts);
  members.given("mkdir", runtime.mkdir);
  members.given("interfaces", runtime.interfaces);
  // encoding/json never leaves a struct out.
  if (style == Style::json || !names.empty()) members.always("bindNS", names);
  members.given("namespace", runtime.namespace_name);
  out.always("runtime", members.take());
}

/// The reference in full, as it is pulled; text that is no reference stays as it is.
std::string expanded(const std::string& image) {
  try {
    return oci::Reference::parse(image).canonical();
  } catch (const Error&) {
    return image;
  }
}

Value show(const Container& container, Style style) {
  const ContainerOptions& options = container.options;
  Members members{style};
  members.always("name", container.name);
  members.always("image", expanded(container.image));
  members.given("capabilities", options.capabilities);
  members.given("capabilities.add", options.capabilities_add);
  members.given("ambient", options.ambient);
  members.given("mounts", container.written.mounts);
  members.given("binds", container.written.binds);
  members.given("binds.add", container.written.binds_add);
  members.given("devices", options.devices);
  members.given("tmpfs", options.tmpfs);
  members.given("command", options.command);
  members.given("env", options.env);
  members.text("cwd", options.cwd);
  members.text("net", options.net);
  members.text("pid", options.pid);
  members.text("ipc", options.ipc);
  members.text("uts", options.uts);
  members.text("userns", options.userns);
  members.text("hostname", options.hostname);
  members.given("readonly", options.readonly);
  members.given("maskedPaths", options.masked_paths);
  members.given("readonlyPaths", options.readonly_paths);
  members.given("uid", options.uid);
  members.given("gid", options.gid);
  members.given("additionalGids", options.additional_gids);
  members.given("noNewPrivileges", options.no_new_privileges);
  members.given("oomScoreAdj", options.oom_score_adj);
  members.given("rootfsPropagation", options.rootfs_propagation);
  members.given("cgroupsPath", options.cgroups_path);
  members.given("resources", options.resources);
  members.given("sysctl", options.sysctl);
  members.given("rlimits", options.rlimits);
  members.given("uidMappings", options.uid_mappings);
  members.given("gidMappings", options.gid_mappings);
  members.given("annotations", options.annotations);
  add_runtime(members, options.runtime, style);
  return members.take();
}

Value show(const Kernel& kernel, Style style) {
  Members members{style};
  members.always("image", kernel.image.empty() ? "" : expanded(kernel.image));
  members.text("cmdline", kernel.cmdline);
  members.text("binary", kernel.binary);
  members.given("tar", kernel.tar);
  members.given("ucode", kernel.ucode);
  return members.take();
}

Value show(const InitImage& init, Style) { return expanded(init.image); }

Value show(const File& file, Style style) {
  Members members{style};
  members.always("path", file.written.path);
  members.always("directory", file.kind == File::Kind::directory);
  members.text("symlink", file.symlink);
  members.given("contents", file.contents);
  members.text("source", file.source);
  members.text("metadata", file.metadata);
  members.always("optional", file.optional);
  members.text("mode", file.written.mode);
  members.given("uid", file.written.uid);
  members.given("gid", file.written.gid);
  return members.take();
}

Value show(const Volume& volume, Style style) {
  Members members{style};
  members.always("name", volume.name);
  members.text("image", volume.image);
  if (volume.readonly) members.always("readonly", true);
  members.text("format", volume.format);
  if (!volume.platforms.empty()) members.given("platforms", std::optional{volume.platforms});
  return members.take();
}

template <typename T>
Value show(const std::vector<T>& items, Style style) {
  if (items.empty() && style == Style::json) return {};
  Value::List list;
  for (const T& item : items) list.push_back(show(item, style));
  return list;
}

Value show(const System& system, Style style) {
  Value value;
  value.add("kernel", show(system.kernel.value_or(Kernel{}), style));
  value.add("init", show(system.init, style));
  value.add("onboot", show(system.onboot, style));
  value.add("onshutdown", show(system.onshutdown, style));
  value.add("services", show(system.services, style));
  value.add("files", show(system.files, style));
  value.add("volumes", show(system.volumes, style));
  return value;
}

}  // namespace

std::string to_yaml(const System& system, YamlStyle style) {
  const YamlFormat format = style == YamlStyle::metadata ? kYamlV2 : kYamlV3;
  return to_yaml_text(show(system, Style::yaml), format);
}

std::string to_json(const System& system) { return to_go_json(show(system, Style::json)); }

}  // namespace kiln::config
