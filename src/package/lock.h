#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "oci/reference.h"
#include "package/debian_pin.h"

namespace kiln::package {

/// The Kiln that made a package, as its labels name it.
struct MadeBy {
  std::string version, revision;  ///< the latter may be empty
  bool operator==(const MadeBy&) const = default;
};

/// What a name stands for on one platform.
struct LockedImage {
  oci::Digest digest;                          ///< of the image's manifest
  std::optional<std::vector<DebianPin>> pins;  ///< of a package made from a recipe: what it is made of
  // What the labels of a package in git say of how it was made: for the same image they must say it again.
  std::string commit;
  std::optional<MadeBy> made_by;
  std::optional<oci::Digest> attestation;  ///< of the manifest of what attests the image: its SBOM
  bool operator==(const LockedImage&) const = default;
};

/// The entry of a package's image; `labels` are those of the image. What they say that makes no sense is left out.
LockedImage lock_package(const oci::Digest& image, const std::map<std::string, std::string>& labels,
                         std::optional<std::vector<DebianPin>> pins);

/// Beside platforms: the image as a whole, as a volume holds it.
inline constexpr char kWhole[] = "all";

/// A reference of a system, or a package it names by `@kiln:` or `@pkg:`.
struct LockedName {
  std::string source;                         ///< "@kiln:nginx"; empty: an image
  std::map<std::string, LockedImage> images;  ///< by platform: "linux/arm64"; or kWhole
  bool operator==(const LockedName&) const = default;
};

/// kiln.lock: every name of a system with what it stood for when the lock was written, so that the same system can be
/// built from the same inputs at any later time. A text that is the same for the same content, one thing a line:
///
///     version: 1
///     images:
///       "registry.example/team/web:1":
///         linux/arm64: sha256:…
///       "registry.example/team/db:8":
///         linux/arm64:
///           image: sha256:…
///           attestation: sha256:…
///     packages:
///       "docker.io/linuxkit/nginx:4c7e…":
///         source: "@kiln:nginx"
///         linux/arm64:
///           image: sha256:…
///           commit: 8c41…        what the labels of packages in git name:
///           kiln: 0.1.0           the commit, and the Kiln that made it
///           debian:
///             - nginx 1.26.3-3 arm64 sha256:… pool/main/n/nginx/nginx_1.26.3-3_arm64.deb
///     checksum: sha256:…
///
/// The checksum is of all before it. It keeps nobody from forging a lock; it finds what an editor or a merge did to it.
struct Lock {
  std::map<std::string, LockedName> names;  ///< by canonical reference

  /// Null if the lock does not say.
  const LockedImage* find(const std::string& name, const std::string& platform) const;
  /// Those that any name is locked for, but kWhole; sorted.
  std::vector<std::string> platforms() const;
  std::string to_text() const;
  bool operator==(const Lock&) const = default;
};

/// Throws Error with the line of each mistake; `file` is what it calls the lock.
Lock parse_lock(const std::string& text, const std::string& file);

/// Whether a user who says `wanted` means this entry: "@kiln:nginx", a reference in any form, or one without a tag.
bool is_meant(const std::string& name, const LockedName& entry, const std::string& wanted);

/// That a build needs a name the lock does not have for a platform: what the lock has that comes near it, and how it
/// gets what is missing. `source` is that of a package, else empty; `file` is what the lock is called.
Error missing_name(const Lock& lock, const std::string& file, const std::string& name, const std::string& source,
                   const std::string& platform);

/// How a lock differs from what a system needs, a line for each name: "registry.example/web:2 for linux/arm64 is not in
/// it". Empty if it is just right.
std::vector<std::string> differences(const Lock& lock, const Lock& needed);

}  // namespace kiln::package
