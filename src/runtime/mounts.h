#pragma once

#include "config/system.h"
#include "config/value.h"

namespace kiln::runtime {

/// The mounts of config.json: LinuxKit's default set, then `tmpfs`, `binds` and `mounts`, each replacing what has the
/// same destination; sorted by destination (spec oci-runtime.md §3). Throws Error.
std::vector<config::Mount> container_mounts(const config::ContainerOptions& options);

// Elements of `tmpfs` and `binds`; what a mount object leaves out (spec yaml.md §5.2). They throw Error.
config::Mount parse_tmpfs(const std::string& text);
config::Mount parse_bind(const std::string& text);
config::Mount complete_mount(config::Mount mount);

/// A mount in runtime-spec's form ("Mounts"), empty parts left out.
config::Value to_value(const config::Mount& mount);
config::Value to_value(const std::vector<config::Mount>& mounts);

/// runtime-spec, "User namespace mappings".
config::Value to_value(const std::vector<config::IdMapping>& mappings);

/// The texts as a list.
config::Value to_value(const std::vector<std::string>& texts);

}  // namespace kiln::runtime
