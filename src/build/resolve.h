#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/reporter.h"
#include "base/thread_pool.h"
#include "build/input_tar.h"
#include "config/system.h"
#include "oci/image.h"
#include "oci/pull.h"

namespace kiln::build {

/// A container with all that its bundle needs.
struct ResolvedContainer {
  std::string name;
  std::string section;       ///< "onboot", "onshutdown" or "services"
  std::size_t position = 0;  ///< in its section
  std::string directory;     ///< "containers/onboot/000-sysctl"
  std::string root;          ///< where its image is: "<directory>/lower" or "/rootfs", or another container's
  bool owns_root = true;  ///< false: the same reference was extracted for an earlier container (spec layout.md §7.1)
  bool readonly = false;
  std::string config_json, runtime_json;
  const oci::Image* image = nullptr;
  std::shared_ptr<const ReusedPart> reused = {};  ///< all of it is there, and there is no image
};

struct ResolvedKernel {
  const oci::Image* image = nullptr;
  config::Kernel config;
  std::shared_ptr<const ReusedPart> reused = {};  ///< instead of the image
};

struct ResolvedInit {
  ResolvedInit(const oci::Image* from) : image{from} {}  // NOLINT(google-explicit-constructor)
  const oci::Image* image;
  std::shared_ptr<const ReusedPart> reused = {};  ///< instead of the image
};

/// A file of this host: hashed when the build begins, since its content is part of what the build is a function of.
struct HostFile {
  std::string path;
  std::uint64_t size = 0;
  Sha256 content;
};

/// A file of a volume that holds an image in OCI layout: made by Kiln, or a blob of the store.
struct VolumeFile {
  std::string path;  ///< below `lower/`; ends in '/' if it is a directory
  std::string content;
  std::optional<oci::Descriptor> blob;
};

struct ResolvedVolume {
  std::string name;
  std::string directory;                          ///< "containers/volumes/data"
  std::string source;                             ///< the image's reference, or "empty"
  const oci::Image* image = nullptr;              ///< whose files are in it
  std::vector<VolumeFile> layout;                 ///< or the image itself, in the order of LinuxKit's tar
  std::shared_ptr<const ReusedPart> reused = {};  ///< or all of the volume, as it was
};

/// An entry of `files:` with its content decided: `config.contents`, or a file of this host.
struct ResolvedFile {
  config::File config;
  std::uint32_t uid = 0, gid = 0;
  std::optional<HostFile> source;
  std::size_t position = 0;  ///< in `files:`, those left out counted
};

/// A file in the root of an archive that nothing in the YAML asks for: an SBOM, a Dockerfile.
struct RootFile {
  std::string path, content;
};

/// Every reference turned into an image in the store, every option decided.
struct ResolvedSystem {
  oci::Platform platform;
  std::deque<oci::Image> images;  ///< each reference once
  std::optional<ResolvedKernel> kernel;
  std::vector<ResolvedInit> init;
  std::vector<ResolvedVolume> volumes;
  std::vector<ResolvedContainer> containers;  ///< onboot, onshutdown, services
  std::vector<ResolvedFile> files;
  std::vector<RootFile> root_files;  ///< after all others
};

/// Brings images into the store if they are not there, and returns them. Thread-safe.
struct ImageFetcher {
  /// One, of that platform.
  std::function<oci::Image(const oci::Reference& reference, const oci::Platform& platform)> image;
  /// As oci::pull_images().
  std::function<oci::ImageSet(const oci::Reference& reference, std::span<const oci::Platform> wanted)> images;

  oci::Image operator()(const oci::Reference& reference, const oci::Platform& platform) const {
    return image(reference, platform);
  }
};

/// Fetches all images (in parallel) and computes the bundles' JSON. Errors carry the position in the YAML. What has not
/// changed since the build that wrote `earlier` is taken from there, and its images are not fetched (layout.md §12).
ResolvedSystem resolve(const config::System& system, const oci::Platform& platform, const ImageFetcher& fetch,
                       ThreadPool& pool, const InputTar* earlier = nullptr, Reporter* reporter = nullptr);

}  // namespace kiln::build
