// YAML over label, field by field (spec yaml.md §5.1).
#include <utility>

#include "runtime/bundle.h"
#include "runtime/capabilities.h"

namespace kiln::runtime {
namespace {

using config::ContainerOptions;
using List = std::optional<std::vector<std::string>>;

/// What is given in the YAML replaces the label's, even when it is an empty list.
template <typename T>
void prefer(std::optional<T>& value, const std::optional<T>& label) {
  if (!value) value = label;
}

/// For texts that LinuxKit cannot tell from absent ones: empty means "not set".
void prefer_text(std::optional<std::string>& value, const std::optional<std::string>& label) {
  if (!value || value->empty()) value = label;
}

/// `.add` is appended to the label's list and has no effect beside a list in the YAML.
void prefer_or_add(List& value, const List& label, List& add) {
  if (!value && (label || add)) {
    value = label.value_or(std::vector<std::string>{});
    if (add) value->insert(value->end(), add->begin(), add->end());
  }
  add.reset();
}

/// Adding to "all" stays all, adding to "none" is what was added; LinuxKit fails on both (yaml.md, Quirk 5).
void prefer_or_add_capabilities(List& value, const List& label, List& add) {
  if (!value && add && label && is_every_capability(*label)) {
    value = label;
    add.reset();
  } else if (!value && add && label && is_no_capability(*label)) {
    value = std::exchange(add, std::nullopt);
  } else {
    prefer_or_add(value, label, add);
  }
}

void prefer_namespaces(config::BindNamespaces& value, const config::BindNamespaces& label) {
  prefer(value.cgroup, label.cgroup);
  prefer(value.ipc, label.ipc);
  prefer(value.mnt, label.mnt);
  prefer(value.net, label.net);
  prefer(value.pid, label.pid);
  prefer(value.user, label.user);
  prefer(value.uts, label.uts);
}

void prefer_runtime(config::Runtime& value, const config::Runtime& label) {
  prefer(value.cgroups, label.cgroups);
  prefer(value.mounts, label.mounts);
  prefer(value.mkdir, label.mkdir);
  prefer(value.interfaces, label.interfaces);
  prefer_namespaces(value.bind_ns, label.bind_ns);
  prefer(value.namespace_name, label.namespace_name);
}

}  // namespace

ContainerOptions effective_options(const ContainerOptions& yaml, const ContainerOptions& label) {
  ContainerOptions options = yaml;
  prefer_or_add_capabilities(options.capabilities, label.capabilities, options.capabilities_add);
  prefer_or_add(options.binds, label.binds, options.binds_add);
  prefer(options.ambient, label.ambient);
  prefer(options.mounts, label.mounts);
  prefer(options.devices, label.devices);
  prefer(options.tmpfs, label.tmpfs);
  prefer(options.command, label.command);
  prefer(options.env, label.env);
  prefer_text(options.cwd, label.cwd);
  prefer_text(options.net, label.net);
  prefer_text(options.ipc, label.ipc);
  prefer_text(options.uts, label.uts);
  prefer_text(options.pid, label.pid);
  prefer_text(options.userns, label.userns);
  prefer_text(options.hostname, label.hostname);
  prefer(options.readonly, label.readonly);
  prefer(options.masked_paths, label.masked_paths);
  prefer(options.readonly_paths, label.readonly_paths);
  prefer(options.uid, label.uid);
  prefer(options.gid, label.gid);
  prefer(options.additional_gids, label.additional_gids);
  prefer(options.no_new_privileges, label.no_new_privileges);
  prefer(options.oom_score_adj, label.oom_score_adj);
  prefer(options.rootfs_propagation, label.rootfs_propagation);
  prefer(options.cgroups_path, label.cgroups_path);
  prefer(options.resources, label.resources);
  prefer(options.sysctl, label.sysctl);
  prefer(options.rlimits, label.rlimits);
  prefer(options.uid_mappings, label.uid_mappings);
  prefer(options.gid_mappings, label.gid_mappings);
  prefer(options.annotations, label.annotations);
  prefer_runtime(options.runtime, label.runtime);
  return options;
}

}  // namespace kiln::runtime
