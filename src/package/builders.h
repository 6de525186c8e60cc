#pragma once

#include "package/build.h"

namespace kiln::package {

/// What a builder makes: an image of one platform, its manifest, config and layers in the store; not under any name
/// yet.
struct BuiltImage {
  oci::Descriptor image;
  std::optional<oci::Descriptor> attestation;  ///< its SBOM
};

/// Carries out a `debian:` recipe: with the package's pins, if it has some.
BuiltImage build_recipe(const Package& package, const oci::Platform& platform, const Workshop& workshop);

/// Where it is kept of which .debs images were made (debian_pin.h).
std::filesystem::path pins_directory(const oci::Store& store);

/// Has an engine build the package's Dockerfile.
BuiltImage build_dockerfile(const Package& package, const oci::Platform& platform, const Workshop& workshop,
                            const BuildOptions& options);

/// The labels of a package's image (spec pkg.md §4.1).
std::map<std::string, std::string> image_labels(const Package& package, const Workshop& workshop);

}  // namespace kiln::package
