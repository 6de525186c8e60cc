#pragma once

#include <string>
#include <vector>

#include "oci/reference.h"
#include "oci/registries_conf.h"

namespace kiln::oci {

/// One place where what a reference names can be had: its registry, or a mirror.
struct Endpoint {
  Reference repository;   ///< as it is called there; with the reference's tag and digest
  std::string scheme;     ///< "http" or "https"; empty: found out
  bool insecure = false;  ///< certificates need not be good
  bool is_mirror = false;
  std::string origin;  ///< who said so: "--mirror …", or a file
};

/// `--mirror` and LINUXKIT_MIRROR (spec cli.md §1): [REGISTRY=]http[s]://HOST[:PORT][/PATH].
struct MirrorSpec {
  std::string registry;  ///< "*": any without a mirror of its own
  std::string scheme, location;
  std::string text;  ///< as it was given

  /// Throws Error: "mirror 'X': …".
  static MirrorSpec parse(std::string_view text);
  bool operator==(const MirrorSpec&) const = default;
};

/// The parts of LINUXKIT_MIRROR: a list with commas and spaces.
std::vector<std::string> split_mirror_list(std::string_view text);

/// Where references are read from: the mirrors of the command line, then those of registries.conf, then the registry.
class EndpointTable {
 public:
  EndpointTable() = default;
  EndpointTable(std::vector<MirrorSpec> mirrors, RegistriesConf conf)
      : mirrors_{std::move(mirrors)}, conf_{std::move(conf)} {}

  /// In the order to try them, the last being no mirror. Throws Error if the reference is blocked.
  std::vector<Endpoint> for_reading(const Reference& reference) const;
  /// Mirrors and other locations are for reading alone (containers-registries.conf(5)).
  Endpoint for_writing(const Reference& reference) const;

 private:
  const RegistryRule* rule_of(const Reference& reference) const;

  std::vector<MirrorSpec> mirrors_;
  RegistriesConf conf_;
};

}  // namespace kiln::oci
