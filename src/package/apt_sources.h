#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::package {

/// One binary package source of apt (sources.list(5)): every URI offers every suite with every component.
struct AptSource {
  std::vector<std::string> uris, suites, components;
  std::string signed_by;  ///< empty, or a key ring
};

/// Parses one-line format (`deb [options] URI SUITE COMPONENT…`). Lines that apt would refuse are passed over: they
/// are the host's business, not ours. Source packages and disabled entries are left out.
std::vector<AptSource> parse_sources_list(std::string_view text);

/// Parses deb822 format (`Types: deb`, `URIs: …`), in the same spirit.
std::vector<AptSource> parse_deb822_sources(std::string_view text);

/// Where Debian's packages come from.
struct DebianMirror {
  std::string archive;   ///< URI of the archive (pool/, dists/)
  std::string security;  ///< URI of the security archive; empty: do without
};

/// Chooses, among a host's sources, the archive its own suite `codename` comes from, and its security archive. Sources
/// signed by Debian's archive keys are preferred. Nothing if no source offers the suite's `main` component.
std::optional<DebianMirror> choose_mirror(const std::vector<AptSource>& sources, std::string_view codename);

/// The mirror to use on this host: KILN_DEBIAN_MIRROR (with KILN_DEBIAN_SECURITY_MIRROR beside it, or no security
/// archive), or what /etc/apt below `root` names. Throws Error with a hint if there is none.
DebianMirror find_debian_mirror(const std::filesystem::path& root = "/");

}  // namespace kiln::package
