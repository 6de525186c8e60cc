#include "oci/descriptor_json.h"

#include <nlohmann/json.hpp>

#include "base/error.h"

namespace kiln::oci {

Digest parse_digest(const JsonView& view) {
  const std::string text = view.text();
  try {
    return Digest::parse(text);
  } catch (const Error& error) {
    view.fail(error.message());
  }
}

Platform parse_platform(const JsonView& view) {
  Platform platform{view.text("os"), view.text("architecture"), view.text("variant")};
  if (platform.os.empty()) platform.os = "linux";
  return platform;
}

Descriptor parse_descriptor(const JsonView& view) {
  Descriptor descriptor;
  descriptor.media_type = view.text("mediaType");
  descriptor.digest = parse_digest(view.required("digest"));
  descriptor.size = view.required("size").size();
  if (const auto platform = view.member("platform")) descriptor.platform = parse_platform(*platform);
  descriptor.annotations = view.text_map("annotations");
  descriptor.artifact_type = view.text("artifactType");
  return descriptor;
}

nlohmann::ordered_json to_json_value(const Descriptor& descriptor) {
  nlohmann::ordered_json out;
  out["mediaType"] = descriptor.media_type;
  out["digest"] = descriptor.digest.to_string();
  out["size"] = descriptor.size;
  if (!descriptor.annotations.empty()) out["annotations"] = descriptor.annotations;
  if (descriptor.platform) {
    out["platform"]["architecture"] = descriptor.platform->architecture;
    out["platform"]["os"] = descriptor.platform->os;
    if (!descriptor.platform->variant.empty()) out["platform"]["variant"] = descriptor.platform->variant;
  }
  if (!descriptor.artifact_type.empty()) out["artifactType"] = descriptor.artifact_type;
  return out;
}

}  // namespace kiln::oci
