#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "config/diagnostics.h"
#include "config/value.h"

namespace kiln::config {

/// A uid or gid as written: a number, or the name of a container (spec yaml.md §9.1).
using Id = std::variant<std::uint32_t, std::string>;

struct IdMapping {
  std::uint32_t host_id = 0, container_id = 0, size = 0;
  bool operator==(const IdMapping&) const = default;
};

struct Mount {
  std::string destination, type, source;
  std::vector<std::string> options;
  std::vector<IdMapping> uid_mappings, gid_mappings;
  bool operator==(const Mount&) const = default;
};

struct Device {
  std::string path, type;
  std::int64_t major = 0, minor = 0;
  std::string mode;
};

struct Interface {
  std::string name, add, peer;
  bool create_in_root = false;
};

struct BindNamespaces {
  std::optional<std::string> cgroup, ipc, mnt, net, pid, user, uts;
};

struct Runtime {
  std::optional<std::vector<std::string>> cgroups, mkdir;
  std::optional<std::vector<Mount>> mounts;
  std::optional<std::vector<Interface>> interfaces;
  BindNamespaces bind_ns;
  std::optional<std::string> namespace_name;
};

/// runtime-spec LinuxResources with the specification's key order and names, ready to be placed in config.json; devices
/// are kept apart since rules for `devices:` are appended to them.
struct Resources {
  Value limits;   ///< object, null when nothing is set; without "devices"
  Value devices;  ///< list of device rules, null when none
};

/// The fields of an image object (spec yaml.md §5.1), from YAML or from a label. Absent and empty are different:
/// an empty list in YAML clears the label's.
struct ContainerOptions {
  std::optional<std::vector<std::string>> capabilities, capabilities_add, ambient, binds, binds_add, tmpfs, command,
      env, masked_paths, readonly_paths, rlimits;
  std::optional<std::vector<Mount>> mounts;
  std::optional<std::vector<Device>> devices;
  std::optional<std::string> cwd, net, ipc, uts, pid, userns, hostname, rootfs_propagation, cgroups_path;
  std::optional<bool> readonly, no_new_privileges;
  std::optional<Id> uid, gid;
  std::optional<std::vector<Id>> additional_gids;
  std::optional<std::int64_t> oom_score_adj;
  std::optional<Resources> resources;
  std::optional<std::map<std::string, std::string>> sysctl, annotations;
  std::optional<std::vector<IdMapping>> uid_mappings, gid_mappings;
  Runtime runtime;
};

struct Container {
  std::string name;   ///< a safe single path component
  std::string image;  ///< reference as written, `@pkg:` resolved
  Position where;     ///< of the image's value
  ContainerOptions options;

  /// `binds`, `binds.add` and `mounts` before volume names were replaced by paths (yaml.md §7), for `metadata`.
  struct AsWritten {
    std::optional<std::vector<std::string>> binds, binds_add;
    std::optional<std::vector<Mount>> mounts;
  } written;
};

struct Kernel {
  std::string image;  ///< empty: no kernel
  Position where;     ///< of the image's value
  std::string cmdline, binary;
  std::optional<std::string> tar, ucode;
};

struct InitImage {
  std::string image;
  Position where;
};

struct File {
  enum class Kind { regular, directory, symlink, metadata };
  std::string path;  ///< without leading slash
  Kind kind = Kind::regular;
  std::optional<std::string> contents;
  std::string source, symlink, metadata;  ///< metadata: "yaml" or "json"
  bool optional = false;
  std::uint32_t mode = 0600;
  Id uid = 0U, gid = 0U;
  Position where;

  /// The text of `path`, `mode`, `uid` and `gid` in the YAML, for `metadata`; absent where a default stands.
  struct AsWritten {
    std::string path, mode;
    std::optional<Id> uid, gid;
  } written;
};

struct Volume {
  std::string name;    ///< [a-z0-9_-]+
  std::string image;   ///< empty: a blank directory
  std::string format;  ///< "oci", "filesystem" or empty, which means the latter
  bool readonly = false;
  std::vector<std::string> platforms;
  Position where;
};

/// A whole operating system as the user described it: several files merged, validated, defaults left open.
struct System {
  std::optional<Kernel> kernel;
  std::vector<InitImage> init;
  std::vector<Volume> volumes;
  std::vector<Container> onboot, onshutdown, services;
  std::vector<File> files;
};

}  // namespace kiln::config
