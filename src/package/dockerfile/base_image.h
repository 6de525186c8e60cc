#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "oci/image.h"

namespace kiln::package {

/// An image that a Dockerfile builds on, taken from the store: an OCI layout with nothing else in it, which engines
/// read instead of asking a registry. So base images are pulled, verified and kept by Kiln, whatever the engine.
struct BaseImage {
  std::string name;    ///< stands for it in the Dockerfile an engine gets
  std::string layout;  ///< the layout's directory, relative to the work directory
  oci::Digest digest;  ///< of the manifest in it
  /// Layers by the digests of their tars: what an engine gives back as these is stored already.
  std::map<oci::Digest, oci::Descriptor> layers;
};

/// What the image is called in a layout.
inline constexpr char kLayoutTag[] = "kiln";

/// Writes the layout below `work`; `number` tells the base images of a Dockerfile apart. Blobs are links into the
/// store.
BaseImage offer_base_image(const oci::Image& image, std::size_t number, const oci::Store& store,
                           const std::filesystem::path& work);

}  // namespace kiln::package
