// runtime.json: what the guest prepares before a container starts (spec oci-runtime.md §8).
#include "base/error.h"
#include "runtime/bundle.h"
#include "runtime/mounts.h"

namespace kiln::runtime {
namespace {

using config::Mount;
using config::Value;
using Texts = std::vector<std::string>;

/// §8.1: a read-only root is bound from where the image is extracted, a writable one is an overlay on a tmpfs.
std::vector<Mount> rootfs_mounts(bool readonly, const std::string& directory, const std::string& root) {
  const std::string rootfs = concat("/", directory, "/rootfs");
  const std::string lower = concat("/", root);
  if (readonly) return {{rootfs, "", lower, {"bind"}, {}, {}}};
  const std::string tmp = concat("/", directory, "/tmp");
  return {
      {tmp, "tmpfs", "tmpfs", {}, {}, {}},
      // The parent of an overlay's upper directory must not be shared.
      {tmp, "", "", {"remount", "private"}, {}, {}},
      {rootfs,
       "overlay",
       "overlay",
       {"lowerdir=" + lower, concat("upperdir=", tmp, "/upper"), concat("workdir=", tmp, "/work")},
       {},
       {}},
  };
}

Value interfaces(const std::vector<config::Interface>& all) {
  Value list{Value::List{}};
  for (const config::Interface& interface : all) {
    Value value;
    if (!interface.name.empty()) value.add("name", interface.name);
    if (!interface.add.empty()) value.add("add", interface.add);
    if (!interface.peer.empty()) value.add("peer", interface.peer);
    list.append(value.add("createInRoot", interface.create_in_root));
  }
  return list;
}

Value bind_namespaces(const config::BindNamespaces& names) {
  return Value{}
      .add("cgroup", names.cgroup.value_or(""))
      .add("ipc", names.ipc.value_or(""))
      .add("mnt", names.mnt.value_or(""))
      .add("net", names.net.value_or(""))
      .add("pid", names.pid.value_or(""))
      .add("user", names.user.value_or(""))
      .add("uts", names.uts.value_or(""));
}

}  // namespace

std::string runtime_json(const config::ContainerOptions& options, const std::string& directory,
                         const std::string& root) {
  const config::Runtime& runtime = options.runtime;
  std::vector<Mount> mounts = rootfs_mounts(options.readonly.value_or(false), directory, root);
  if (runtime.mounts) mounts.insert(mounts.end(), runtime.mounts->begin(), runtime.mounts->end());
  Value value;
  value.add("cgroups", to_value(runtime.cgroups.value_or(Texts{})));
  value.add("mounts", to_value(mounts));
  value.add("mkdir", to_value(runtime.mkdir.value_or(Texts{})));
  value.add("interfaces", interfaces(runtime.interfaces.value_or(std::vector<config::Interface>{})));
  value.add("bindNS", bind_namespaces(runtime.bind_ns));
  value.add("namespace", runtime.namespace_name.value_or(""));
  return config::to_go_json(value);
}

}  // namespace kiln::runtime
