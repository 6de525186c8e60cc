#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "oci/descriptor.h"

namespace kiln::oci {

/// image-spec, "Image Index" (or a Docker manifest list).
struct Index {
  std::string media_type;
  std::vector<Descriptor> manifests;
  std::map<std::string, std::string> annotations;
  std::string artifact_type;
};

/// image-spec, "Image Manifest" (or Docker schema 2).
struct Manifest {
  std::string media_type;
  Descriptor config;
  std::vector<Descriptor> layers;  ///< base first
  std::map<std::string, std::string> annotations;
  std::string artifact_type;
};

/// image-spec, "Image Configuration": the parts Kiln uses.
struct ImageConfig {
  Platform platform;
  std::vector<std::string> entrypoint, cmd, env;
  std::string working_dir, user, stop_signal;
  std::map<std::string, std::string> labels;
  std::vector<Digest> diff_ids;
};

/// Parse what a store or registry holds; `name` says in errors what it is ("manifest of 'nginx:1.27'"). They throw
/// Error on anything that is not valid JSON of that schema (depth, sizes and types are checked).
Index parse_index(std::string_view json, std::string_view name);
Manifest parse_manifest(std::string_view json, std::string_view name);
ImageConfig parse_image_config(std::string_view json, std::string_view name);

/// The media type of a document: what it says itself, else what its members show it to be. Throws Error for neither.
std::string manifest_media_type(std::string_view json, std::string_view name);

/// Deterministic JSON (keys in the specification's order), for images Kiln makes itself.
std::string to_json(const Index& index);
std::string to_json(const Manifest& manifest);
std::string to_json(const ImageConfig& config);

}  // namespace kiln::oci
