#pragma once

#include <filesystem>
#include <vector>

#include "oci/store.h"
#include "package/dockerfile/base_image.h"

namespace kiln::package {

/// Takes the image of a platform that an engine has built from an OCI layout into the store; its descriptor, with the
/// platform. Layers of the base images become the blobs they came from, others are stored with gzip; what the engine
/// says of itself and of this machine (labels, annotations, paths in the history) is left out. Throws Error.
oci::Descriptor take_built_image(const std::filesystem::path& layout, const oci::Platform& platform,
                                 const std::vector<BaseImage>& bases, oci::Store& store);

}  // namespace kiln::package
