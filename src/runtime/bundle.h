#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "config/system.h"
#include "oci/manifest.h"

namespace kiln::runtime {

/// Container name -> number, as uid and gid (spec yaml.md §9.1).
using IdTable = std::map<std::string, std::uint32_t, std::less<>>;
IdTable number_containers(const config::System& system);

/// Throws Error "cannot find id: 'S'".
std::uint32_t resolve_id(const config::Id& id, const IdTable& table);

/// The options that hold: YAML over label, field by field; `.add` lists appended to the label's (yaml.md §5.1).
config::ContainerOptions effective_options(const config::ContainerOptions& yaml, const config::ContainerOptions& label);

/// config.json, byte for byte as LinuxKit writes it (oci-runtime.md §1-7). Throws Error.
std::string config_json(const config::ContainerOptions& options, const oci::ImageConfig& image, const IdTable& ids);

/// runtime.json (oci-runtime.md §8). `directory` is the container's ("containers/services/web"), `root` where its image
/// is extracted ("containers/services/web/lower"), both without leading slash.
std::string runtime_json(const config::ContainerOptions& options, const std::string& directory,
                         const std::string& root);

}  // namespace kiln::runtime
