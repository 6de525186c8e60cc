#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/reporter.h"
#include "package/apt_sources.h"
#include "package/debian_pin.h"

namespace kiln::package {

/// A binary package as the archive's index describes it (deb-control(5)).
struct DebianPackage {
  std::string name, version, architecture;
  std::string source, source_version;  ///< of the source package it is built from
  std::string maintainer, homepage, section, description;
  std::string file_name;  ///< in the archive: pool/…
  std::string sha256;     ///< of the .deb, 64 lower-case digits
  std::uint64_t size = 0;
  std::vector<std::string> depends;  ///< names out of Depends and Pre-Depends, alternatives included, in order
};

/// Parses what `apt-cache show` prints: stanzas of fields. A stanza without Package, Version or SHA256 is an Error.
std::vector<DebianPackage> parse_package_stanzas(std::string_view text);

/// Debian's name of an architecture that Go names so (ppc64le -> ppc64el); most are the same.
std::string debian_architecture(std::string_view architecture);

/// A suite of Debian for one architecture: apt with a state of its own, in a directory that nothing else uses and that
/// any user may have. apt verifies the archive's signature and every hash; nothing of the host's apt is changed.
///
/// Layout of the directory: SUITE-ARCH-COMPONENTS/ {lists, cache, etc} one per suite and architecture, and archives/,
/// shared: HEX.deb by SHA-256, so that a .deb is fetched once. Locked against other processes while apt runs.
class DebianArchive {
 public:
  struct Options {
    std::filesystem::path directory;
    std::string suite;
    std::vector<std::string> components;
    std::string architecture;  ///< Debian's name
    DebianMirror mirror;
  };
  DebianArchive(Options options, Reporter& reporter);

  /// The newest versions of the named packages and of all they depend on (no recommended packages), sorted by name.
  /// Fetches the suite's lists when they are older than a day, or lack a package. Throws Error.
  std::vector<DebianPackage> resolve(const std::vector<std::string>& packages);

  /// The verified .debs, in the order of `packages`; fetches those it does not have.
  std::vector<std::filesystem::path> fetch(std::span<const DebianPackage* const> packages);

  /// Exactly these packages, whatever the suite has by now: fetched from the archive's pool if their .debs are not
  /// here (without the suite's lists, and with no network if all are), and described by themselves. Sorted by name.
  std::vector<DebianPackage> resolve_pinned(const std::vector<DebianPin>& pins);

  /// Where a package comes from, as a purl (package-url), for the SBOM: pkg:deb/debian/nginx@1.26-3?arch=arm64.
  static std::string package_url(const DebianPackage& package, std::string_view suite);

 private:
  std::string apt(std::vector<std::string> arguments, const std::filesystem::path& directory = {});
  void write_configuration();
  void update_lists(bool force);
  std::vector<std::string> closure(const std::vector<std::string>& packages);
  std::filesystem::path archive_path(std::string_view sha256) const;
  void fetch_pinned(const std::vector<const DebianPin*>& missing);

  Options options_;
  Reporter& reporter_;
  std::filesystem::path state_;
};

}  // namespace kiln::package
