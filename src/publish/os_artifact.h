#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "oci/manifest.h"
#include "publish/ipxe_script.h"

namespace kiln::publish {

// An operating system in an OCI registry: an artifact (image-spec 1.1, "Guidelines for Artifact Usage") with the
// artifact type kOsArtifactType, the empty config, and one blob for each thing that a boot loads, in this order:
//
//     application/vnd.kiln.os.kernel.v1       as iPXE and UEFI start it: raw Image or bzImage
//     application/vnd.kiln.os.initramfs.v1    one or more: iPXE and Linux take them one after the other as one
//     initramfs application/vnd.kiln.os.cmdline.v1      the kernel's parameters, text application/vnd.kiln.os.ipxe.v1
//     a script that loads the blobs from beside itself, text
//
// Each has a title, so that ORAS can pull them as files; annotations of the manifest name the architecture and the size
// of the unpacked root tree. Several architectures are an index of such manifests, which states the platform of each.

inline constexpr char kOsArtifactType[] = "application/vnd.kiln.os.v1";

struct OsArtifact {
  std::string architecture;  ///< Go's name
  oci::Descriptor kernel;
  std::vector<oci::Descriptor> initramfs;  ///< at least one
  std::optional<oci::Descriptor> cmdline;  ///< nothing: it is empty
  std::optional<oci::Descriptor> script;
  std::uint64_t root_size = 0;  ///< bytes of the unpacked root tree; 0: not known
};

/// Descriptors of blobs with the media type and title they have in an artifact.
oci::Descriptor kernel_descriptor(const oci::Digest& digest, std::uint64_t size);
oci::Descriptor initramfs_descriptor(const oci::Digest& digest, std::uint64_t size, std::size_t number);
oci::Descriptor cmdline_descriptor(const std::string& cmdline);
oci::Descriptor script_descriptor(const std::string& script);
/// Of the empty config, "{}".
oci::Descriptor empty_descriptor();

/// The same artifact gives the same manifest, byte for byte.
oci::Manifest to_manifest(const OsArtifact& artifact);

/// What a manifest says, checked. Throws Error, beginning with `name`, for one that is no operating system or lacks a
/// part.
OsArtifact parse_os_artifact(const oci::Manifest& manifest, std::string_view name);

/// All blobs in the order of the manifest, with a name for each.
struct NamedBlob {
  oci::Descriptor blob;
  std::string name;
};
std::vector<NamedBlob> blobs_of(const OsArtifact& artifact);

/// The script that boots it, with each of its blobs under a short name; where they are is left to be said: their URLs
/// are their digests alone.
IpxeScript script_of(const OsArtifact& artifact, const std::string& cmdline);

}  // namespace kiln::publish
