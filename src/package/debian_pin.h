#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "oci/digest.h"

namespace kiln::package {

struct DebianPackage;

/// Exactly one .deb, as kiln.lock has it: "NAME VERSION ARCHITECTURE sha256:HEX pool/…".
struct DebianPin {
  std::string name, version, architecture;
  oci::Digest digest;
  std::string file_name;  ///< in the archive

  static DebianPin of(const DebianPackage& package);
  /// Throws Error saying what is wrong with the line.
  static DebianPin parse(std::string_view text);
  std::string to_string() const;
  bool operator==(const DebianPin&) const = default;
};

// Of which .debs an image was made is kept beside it, in DIRECTORY/HEX by the digest of its manifest, a line for each:
// what `kiln lock` asks for is not in the image, and apt would resolve the same recipe to others another day.
void write_debian_pins(const std::filesystem::path& directory, const oci::Digest& image,
                       const std::vector<DebianPin>& pins);
/// Nothing if none were kept.
std::optional<std::vector<DebianPin>> read_debian_pins(const std::filesystem::path& directory,
                                                       const oci::Digest& image);

}  // namespace kiln::package
