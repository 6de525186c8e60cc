#pragma once

#include <optional>
#include <string>
#include <vector>

#include "oci/image.h"
#include "package/docker_archive.h"

namespace kiln::package {

/// The images that docker or podman has on this machine, by their command lines.
class EngineImages {
 public:
  explicit EngineImages(std::string program) : program_{std::move(program)} {}

  /// docker, if its daemon answers, else podman. `option` is who asks, for the error when there is neither.
  static EngineImages find(const std::string& option);

  const std::string& program() const { return program_; }

  /// The image that the reference stands for there, if it is for this platform; brought into the store, but not under
  /// its own name: what the cache has under that stays. It is fetched again only when it has changed. Throws Error.
  std::optional<oci::Image> image(const oci::Reference& reference, const oci::Platform& platform,
                                  oci::Store& store) const;

  void load(const std::vector<ArchivedImage>& images, const oci::Store& store) const;
  void tag(const std::string& from, const std::string& to) const;

 private:
  struct Found {
    std::string id;  ///< another after the image has changed
    oci::Platform platform;
  };
  std::optional<Found> inspect(const std::string& name) const;
  oci::Descriptor take(const std::string& name, const std::string& id, oci::Store& store) const;

  std::string program_;
};

}  // namespace kiln::package
