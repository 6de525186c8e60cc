#pragma once

#include "oci/manifest.h"
#include "oci/reference.h"
#include "oci/store.h"

namespace kiln::oci {

class Registry;

/// An image of one platform whose manifest, config and layers are in the store.
struct Image {
  Reference reference;
  Descriptor descriptor;  ///< of the manifest
  Manifest manifest;
  ImageConfig config;
};

/// What the store has under this name for this platform, or nothing when the name is unknown, its index lacks the
/// platform, or a blob is missing. Never touches the network. Throws Error if what is there is damaged, or is a
/// single-platform image of another architecture.
std::optional<Image> find_image(const Store& store, const Reference& reference, const Platform& platform);

/// The entry that attests an image (its SBOM) in the index the store has under a name; nothing if there is none.
std::optional<Descriptor> find_attestation(const Store& store, const Reference& reference, const Digest& image);

/// Gives an image of which the store has every blob, under whatever name it came, the name of `reference` (which has a
/// digest). False if the store does not have it.
bool name_by_digest(Store& store, const Reference& reference);

}  // namespace kiln::oci
