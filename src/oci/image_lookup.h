#pragma once

#include "oci/manifest.h"

namespace kiln::oci {

// Internal to this folder: what find_image() and the puller must judge alike.

/// The first entry for the platform (the variant is ignored, spec pkg.md §9), or null.
const Descriptor* choose(const Index& index, const Platform& platform);

/// "linux/amd64, linux/arm64", for messages.
std::string platforms_of(const Index& index);

/// Throws Error unless the config is for the platform. `name` begins the message.
void check_platform(const ImageConfig& config, const Platform& wanted, std::string_view name);

/// Throws Error unless config and manifest agree on the number of layers.
void check_layers(const Manifest& manifest, const ImageConfig& config, std::string_view name);

}  // namespace kiln::oci
