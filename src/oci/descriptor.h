#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "oci/digest.h"

namespace kiln::oci {

/// Go's names, as images use them: linux / amd64, arm64, riscv64 …
struct Platform {
  std::string os = "linux";
  std::string architecture;
  std::string variant;

  /// Same os and architecture; the variant (v8) is ignored, as LinuxKit does.
  bool matches(const Platform& other) const { return os == other.os && architecture == other.architecture; }
  std::string to_string() const;                 ///< linux/arm64
  static Platform parse(std::string_view text);  ///< "os/arch[/variant]" or "arch"; throws Error
  static Platform of_host();
  bool operator==(const Platform&) const = default;
};

namespace media_type {
inline constexpr char kIndex[] = "application/vnd.oci.image.index.v1+json";
inline constexpr char kManifest[] = "application/vnd.oci.image.manifest.v1+json";
inline constexpr char kConfig[] = "application/vnd.oci.image.config.v1+json";
inline constexpr char kEmpty[] = "application/vnd.oci.empty.v1+json";
inline constexpr char kLayerTar[] = "application/vnd.oci.image.layer.v1.tar";
inline constexpr char kLayerGzip[] = "application/vnd.oci.image.layer.v1.tar+gzip";
inline constexpr char kLayerZstd[] = "application/vnd.oci.image.layer.v1.tar+zstd";
inline constexpr char kDockerIndex[] = "application/vnd.docker.distribution.manifest.list.v2+json";
inline constexpr char kDockerManifest[] = "application/vnd.docker.distribution.manifest.v2+json";
}  // namespace media_type

namespace annotation {
inline constexpr char kRefName[] = "org.opencontainers.image.ref.name";
// BuildKit's, of an entry of an index that is about another entry of it.
inline constexpr char kReferenceType[] = "vnd.docker.reference.type";
inline constexpr char kReferenceDigest[] = "vnd.docker.reference.digest";
}  // namespace annotation

/// image-spec, "OCI Content Descriptors".
struct Descriptor {
  std::string media_type;
  Digest digest;
  std::uint64_t size = 0;
  std::optional<Platform> platform;
  std::map<std::string, std::string> annotations;
  std::string artifact_type;
};

/// Whether an entry of an index is the attestation of another, and of which digest.
std::optional<std::string> attestation_target(const Descriptor& entry);

bool is_index(std::string_view media_type);     ///< OCI index or Docker manifest list
bool is_manifest(std::string_view media_type);  ///< OCI or Docker schema 2 manifest

}  // namespace kiln::oci
