#include "container/prepare.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "container/links.h"
#include "container/mount_options.h"

namespace guest {
namespace {

std::string failure(const char* what, const std::string& object, Errno error) {
  return format("%s '%s': %s", what, printable(object).c_str(), error.text());
}

std::string absolute(const std::string& bundle, const std::string& path) {
  return !path.empty() && path[0] == '/' ? path : bundle + "/rootfs/" + path;
}

Errno mount_once(const RuntimeMount& mount, const std::string& target, const MountOptions& options) {
  if (::mount(mount.source.c_str(), target.c_str(), mount.type.c_str(), options.flags, options.data.c_str()) != 0) {
    return Errno::last();
  }
  // The kernel ignores every other flag of a new bind mount; read-only and the rest take a second call.
  constexpr unsigned long kBind = MS_BIND | MS_REC;
  unsigned long rest = options.flags & ~kBind;
  if ((options.flags & MS_BIND) != 0 && rest != 0 && (options.flags & MS_REMOUNT) == 0) {
    return Errno::of(::mount(nullptr, target.c_str(), nullptr, MS_REMOUNT | MS_BIND | rest, nullptr));
  }
  return {};
}

std::string make_mount(const std::string& bundle, const RuntimeMount& mount) {
  std::string target = absolute(bundle, mount.destination);
  MountOptions options = parse_mount_options(mount.options);
  // `remount,private` is how LinuxKit writes a change of propagation; there is nothing else to remount.
  bool propagation_only = options.propagation != 0 && (options.flags | MS_REMOUNT) == MS_REMOUNT &&
                          options.data.empty() && (mount.type.empty() || (options.flags & MS_REMOUNT) != 0);
  if (!propagation_only) {
    if (Errno error = make_directories(target); error.failed()) return failure("creating", target, error);
    for (const char* key : {"upperdir", "workdir"}) {
      std::string directory = mount_data_value(options.data, key);
      if (directory.empty()) continue;
      if (Errno error = make_directories(directory); error.failed()) return failure("creating", directory, error);
    }
    if (Errno error = mount_once(mount, target, options); error.failed()) {
      return failure(("mounting " + mount.type + " on").c_str(), target, error);
    }
  }
  if (options.propagation != 0 && ::mount(nullptr, target.c_str(), nullptr, options.propagation, nullptr) != 0) {
    return failure("changing propagation of", target, Errno::last());
  }
  return {};
}

void make_cgroup(const std::string& name) {
  // Errors are harmless here (guest.md §3.1, 3): the runtime makes what it needs itself.
  if (exists("/sys/fs/cgroup/cgroup.procs")) {
    make_directories("/sys/fs/cgroup/" + name).ignore();
    return;
  }
  for (const std::string& controller : list_directory("/sys/fs/cgroup")) {
    make_directories("/sys/fs/cgroup/" + controller + "/" + name).ignore();
  }
}

std::string bind_namespace(pid_t pid, const NamespaceBind& bind) {
  std::size_t slash = bind.path.find_last_of('/');
  if (slash != std::string::npos && slash > 0) {
    std::string parent = bind.path.substr(0, slash);
    if (Errno error = make_directories(parent); error.failed()) return failure("creating", parent, error);
  }
  UniqueFd file{::open(bind.path.c_str(), O_RDONLY | O_CREAT | O_CLOEXEC, 0444)};
  if (!file) return failure("creating", bind.path, Errno::last());
  std::string source = format("/proc/%d/ns/%s", pid, bind.name.c_str());
  if (::mount(source.c_str(), bind.path.c_str(), nullptr, MS_BIND, nullptr) != 0) {
    return failure(("binding the " + bind.name + " namespace on").c_str(), bind.path, Errno::last());
  }
  return {};
}

}  // namespace

std::string prepare_filesystem(const std::string& bundle, const RuntimeSpec& spec) {
  for (const RuntimeMount& mount : spec.mounts) {
    if (std::string problem = make_mount(bundle, mount); !problem.empty()) return problem;
  }
  for (const std::string& path : spec.mkdir) {
    std::string directory = absolute(bundle, path);
    if (Errno error = make_directories(directory); error.failed()) return failure("creating", directory, error);
  }
  for (const std::string& cgroup : spec.cgroups) make_cgroup(cgroup);
  return {};
}

void release_filesystem(const std::string& bundle, const RuntimeSpec& spec) {
  for (auto mount = spec.mounts.rbegin(); mount != spec.mounts.rend(); ++mount) {
    MountOptions options = parse_mount_options(mount->options);
    if ((options.flags & MS_REMOUNT) != 0) continue;
    // Only what lies in the bundle: a mount elsewhere (a data disk, say) may serve others.
    std::string target = absolute(bundle, mount->destination);
    if (target.compare(0, bundle.size() + 1, bundle + "/") == 0) ::umount2(target.c_str(), MNT_DETACH);
  }
}

std::string prepare_process(pid_t pid, const RuntimeSpec& spec) {
  for (const RuntimeInterface& interface : spec.interfaces) {
    if (std::string problem = give_interface(pid, interface); !problem.empty()) return problem;
  }
  for (const NamespaceBind& bind : spec.bind_namespaces) {
    if (std::string problem = bind_namespace(pid, bind); !problem.empty()) return problem;
  }
  return {};
}

std::string mount_volume(const std::string& directory) {
  std::string lower = directory + "/lower";
  std::string merged = directory + "/merged";
  for (const std::string& needed : {lower, merged}) {
    if (!is_directory(needed)) return format("'%s' is missing", printable(needed).c_str());
  }
  RuntimeSpec spec;
  if (is_directory(directory + "/tmp")) {
    std::string tmp = directory + "/tmp";
    spec.mounts = {{tmp, "tmpfs", "tmpfs", {"relatime"}},
                   {merged,
                    "overlay",
                    "overlay",
                    {"lowerdir=" + lower, "upperdir=" + tmp + "/upper", "workdir=" + tmp + "/work"}}};
  } else {
    spec.mounts = {{merged, "", lower, {"bind", "ro"}}};
  }
  return prepare_filesystem(directory, spec);
}

}  // namespace guest
