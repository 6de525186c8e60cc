#pragma once

#include "oci/descriptor.h"
#include "oci/json.h"

namespace kiln::oci {

// Internal to this folder: descriptors as JSON (image-spec, "Properties").

Descriptor parse_descriptor(const JsonView& view);
Digest parse_digest(const JsonView& view);
Platform parse_platform(const JsonView& view);

nlohmann::ordered_json to_json_value(const Descriptor& descriptor);

}  // namespace kiln::oci
