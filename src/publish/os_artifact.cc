#include "publish/os_artifact.h"

#include <algorithm>
#include <charconv>

#include "base/error.h"

namespace kiln::publish {
namespace {

constexpr char kKernelType[] = "application/vnd.kiln.os.kernel.v1";
constexpr char kInitramfsType[] = "application/vnd.kiln.os.initramfs.v1";
constexpr char kCmdlineType[] = "application/vnd.kiln.os.cmdline.v1";
constexpr char kScriptType[] = "application/vnd.kiln.os.ipxe.v1";

constexpr char kTitle[] = "org.opencontainers.image.title";
constexpr char kArchitecture[] = "vnd.kiln.os.architecture";
constexpr char kRootSize[] = "vnd.kiln.os.root-size";

oci::Descriptor titled(const char* media_type, const oci::Digest& digest, std::uint64_t size, std::string title) {
  oci::Descriptor descriptor;
  descriptor.media_type = media_type;
  descriptor.digest = digest;
  descriptor.size = size;
  descriptor.annotations[kTitle] = std::move(title);
  return descriptor;
}

std::string annotation(const oci::Manifest& manifest, const char* key) {
  const auto found = manifest.annotations.find(key);
  return found == manifest.annotations.end() ? "" : found->second;
}

std::uint64_t root_size(const std::string& text, std::string_view name) {
  if (text.empty()) return 0;
  std::uint64_t size = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), size);
  if (error == std::errc{} && end == text.data() + text.size()) return size;
  throw Error{name, ": annotation ", kRootSize, " is ", quote(text), ", expected a number of bytes"};
}

void check_type(const oci::Manifest& manifest, std::string_view name) {
  if (manifest.artifact_type == kOsArtifactType) return;
  const std::string type = manifest.artifact_type.empty()
                               ? concat("an image (config ", quote(manifest.config.media_type), ")")
                               : concat("an artifact of type ", quote(manifest.artifact_type));
  throw Error{name, ": it is ", type, ", not an operating system"}.with_hint(
      "'kiln push oci' is what stores operating systems; 'kiln pull' without 'oci' is for images");
}

/// Architectures are part of file names and messages: what Go's names are made of, and not long.
void check_architecture_name(const std::string& architecture, std::string_view name) {
  constexpr std::size_t kLongest = 32;
  const bool good = !architecture.empty() && architecture.size() <= kLongest &&
                    architecture.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789") == std::string::npos;
  if (!good)
    throw Error{name, ": annotation ", kArchitecture, " is ", quote(architecture), ", expected one as 'arm64'"};
}

void set_once(std::optional<oci::Descriptor>& part, const oci::Descriptor& layer, std::string_view what,
              std::string_view name) {
  if (part) throw Error{name, ": it has more than one ", what};
  part = layer;
}

}  // namespace

oci::Descriptor kernel_descriptor(const oci::Digest& digest, std::uint64_t size) {
  return titled(kKernelType, digest, size, "kernel");
}

oci::Descriptor initramfs_descriptor(const oci::Digest& digest, std::uint64_t size, std::size_t number) {
  constexpr std::size_t kDigits = 3;
  const std::string digits = std::to_string(number);
  const std::string zeros(kDigits - std::min(kDigits, digits.size()), '0');
  return titled(kInitramfsType, digest, size, concat("initramfs.", zeros, digits));
}

oci::Descriptor cmdline_descriptor(const std::string& cmdline) {
  return titled(kCmdlineType, oci::Digest::of(cmdline), cmdline.size(), "cmdline");
}

oci::Descriptor script_descriptor(const std::string& script) {
  return titled(kScriptType, oci::Digest::of(script), script.size(), "boot.ipxe");
}

oci::Descriptor empty_descriptor() {
  oci::Descriptor descriptor;
  descriptor.media_type = oci::media_type::kEmpty;
  descriptor.digest = oci::Digest::of("{}");
  descriptor.size = 2;
  return descriptor;
}

oci::Manifest to_manifest(const OsArtifact& artifact) {
  oci::Manifest manifest;
  manifest.media_type = oci::media_type::kManifest;
  manifest.artifact_type = kOsArtifactType;
  manifest.config = empty_descriptor();
  for (const NamedBlob& named : blobs_of(artifact)) manifest.layers.push_back(named.blob);
  manifest.annotations[kArchitecture] = artifact.architecture;
  if (artifact.root_size > 0) manifest.annotations[kRootSize] = std::to_string(artifact.root_size);
  return manifest;
}

OsArtifact parse_os_artifact(const oci::Manifest& manifest, std::string_view name) {
  check_type(manifest, name);
  OsArtifact artifact;
  artifact.architecture = annotation(manifest, kArchitecture);
  check_architecture_name(artifact.architecture, name);
  artifact.root_size = root_size(annotation(manifest, kRootSize), name);
  std::optional<oci::Descriptor> kernel;
  for (const oci::Descriptor& layer : manifest.layers) {
    if (layer.media_type == kKernelType) {
      set_once(kernel, layer, "kernel", name);
    } else if (layer.media_type == kInitramfsType) {
      artifact.initramfs.push_back(layer);
    } else if (layer.media_type == kCmdlineType) {
      set_once(artifact.cmdline, layer, "cmdline", name);
    } else if (layer.media_type == kScriptType) {
      set_once(artifact.script, layer, "script", name);
    }  // others are for later versions, or the user's own: they take no part in a boot
  }
  if (!kernel) throw Error{name, ": it has no kernel"};
  if (artifact.initramfs.empty()) throw Error{name, ": it has no initramfs"};
  artifact.kernel = *std::move(kernel);
  return artifact;
}

std::vector<NamedBlob> blobs_of(const OsArtifact& artifact) {
  std::vector<NamedBlob> blobs{{artifact.kernel, "kernel"}};
  for (std::size_t i = 0; i < artifact.initramfs.size(); ++i) {
    blobs.push_back({artifact.initramfs[i], concat("initramfs ", i + 1, " of ", artifact.initramfs.size())});
  }
  if (artifact.cmdline) blobs.push_back({*artifact.cmdline, "cmdline"});
  if (artifact.script) blobs.push_back({*artifact.script, "script"});
  return blobs;
}

IpxeScript script_of(const OsArtifact& artifact, const std::string& cmdline) {
  IpxeScript script;
  script.architecture = artifact.architecture;
  script.kernel = {artifact.kernel.digest.to_string(), "kernel"};
  for (std::size_t i = 0; i < artifact.initramfs.size(); ++i) {
    script.initrds.push_back({artifact.initramfs[i].digest.to_string(), concat("s", i + 1)});
  }
  script.cmdline = cmdline;
  return script;
}

}  // namespace kiln::publish
