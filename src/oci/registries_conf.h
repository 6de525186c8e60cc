#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "oci/reference.h"

namespace kiln::oci {

// containers-registries.conf(5), which podman, buildah and skopeo read: where the images below a prefix really are.

/// For which pulls a mirror is good.
enum class MirrorUse { all, digest_only, tag_only };

/// A `[[registry.mirror]]`.
struct MirrorRule {
  std::string location;  ///< host[:port][/namespace…]
  bool insecure = false;
  MirrorUse use = MirrorUse::all;
};

/// A `[[registry]]`.
struct RegistryRule {
  std::string prefix;    ///< of an image's whole name, or *.HOST
  std::string location;  ///< what is there instead of the prefix; empty: the prefix stays
  bool insecure = false, blocked = false;
  std::vector<MirrorRule> mirrors;  ///< in the order in which they are tried
  std::string origin;               ///< the file it stands in, quoted

  /// How many characters of the name (LOCATOR:TAG or LOCATOR@DIGEST) the prefix stands for; 0 if it is not its prefix.
  std::size_t matches(std::string_view name) const;
};

struct RegistriesConf {
  std::vector<RegistryRule> rules;  ///< one for each prefix

  /// Takes rules over from a file that is read later: they replace those of the same prefix.
  void merge(RegistriesConf later);
  /// The rule with the longest prefix, or null.
  const RegistryRule* find(std::string_view name) const;
};

/// Parses one file, of version 2 or 1. `name` begins error messages. What concerns short names is read over: to Kiln
/// they are always those of the default registry, as to LinuxKit, so that a YAML means the same on every machine.
RegistriesConf parse_registries_conf(std::string_view toml, std::string_view name);

/// The files of this host in the order they are read: $CONTAINERS_REGISTRIES_CONF, ~/.config/containers/registries.conf
/// or /etc/containers/registries.conf, whichever is first; then *.conf in /etc/containers/registries.conf.d and
/// ~/.config/containers/registries.conf.d.
std::vector<std::filesystem::path> registries_conf_files();

/// Reads and merges files; those that do not exist are skipped.
RegistriesConf load_registries_conf(const std::vector<std::filesystem::path>& files);

}  // namespace kiln::oci
