#include "oci/manifest.h"

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "oci/descriptor_json.h"
#include "oci/json.h"

namespace kiln::oci {
namespace {

constexpr std::size_t kMaxDocument = 16 << 20;  // the same as Store::read

nlohmann::json parse_document(std::string_view json, std::string_view name) {
  if (json.size() > kMaxDocument) throw Error{name, ": it has ", json.size(), " bytes, more than ", kMaxDocument};
  return parse_json(json, name);
}

/// What both kinds of manifest need checked before anything of them is believed.
void check_schema(const JsonView& view) {
  const auto version = view.member("schemaVersion");
  if (version && version->size() == 1) {
    view.fail(
        "it is a Docker schema 1 manifest, which has no digests to verify; push the image again with a current tool");
  }
  if (version && version->size() != 2) view.fail(concat("schemaVersion is ", version->size(), ", expected 2"));
  // A document that is both an index and a manifest could be read as either (image-spec security note).
  if (view.has("manifests") && (view.has("layers") || view.has("config"))) {
    view.fail("it has the members of an index and of a manifest, so it is neither");
  }
}

std::string media_type_of(const JsonView& view, const char* inferred, bool (*good)(std::string_view),
                          std::string_view what) {
  std::string type = view.text("mediaType");
  if (type.empty()) return inferred;
  if (!good(type)) view.fail(concat("mediaType is ", quote(type), ", expected that of ", what));
  return type;
}

std::vector<Descriptor> parse_descriptors(const std::vector<JsonView>& items) {
  std::vector<Descriptor> out;
  out.reserve(items.size());
  for (const JsonView& item : items) out.push_back(parse_descriptor(item));
  return out;
}

nlohmann::ordered_json document(const std::string& media_type, const std::string& artifact_type) {
  nlohmann::ordered_json out;
  out["schemaVersion"] = 2;
  out["mediaType"] = media_type;
  if (!artifact_type.empty()) out["artifactType"] = artifact_type;
  return out;
}

nlohmann::ordered_json to_json_values(const std::vector<Descriptor>& descriptors) {
  auto out = nlohmann::ordered_json::array();
  for (const Descriptor& descriptor : descriptors) out.push_back(to_json_value(descriptor));
  return out;
}

/// The "config" object of an image configuration.
void parse_execution(const JsonView& view, ImageConfig& config) {
  config.entrypoint = view.texts("Entrypoint");
  config.cmd = view.texts("Cmd");
  config.env = view.texts("Env");
  config.working_dir = view.text("WorkingDir");
  config.user = view.text("User");
  config.stop_signal = view.text("StopSignal");
  config.labels = view.text_map("Labels");
}

nlohmann::ordered_json execution_json(const ImageConfig& config) {
  auto out = nlohmann::ordered_json::object();
  if (!config.user.empty()) out["User"] = config.user;
  if (!config.env.empty()) out["Env"] = config.env;
  if (!config.entrypoint.empty()) out["Entrypoint"] = config.entrypoint;
  if (!config.cmd.empty()) out["Cmd"] = config.cmd;
  if (!config.working_dir.empty()) out["WorkingDir"] = config.working_dir;
  if (!config.labels.empty()) out["Labels"] = config.labels;
  if (!config.stop_signal.empty()) out["StopSignal"] = config.stop_signal;
  return out;
}

}  // namespace

Index parse_index(std::string_view json, std::string_view name) {
  const nlohmann::json parsed = parse_document(json, name);
  const JsonView view{parsed, name};
  check_schema(view);
  Index index;
  index.media_type = media_type_of(view, media_type::kIndex, is_index, "an index");
  if (view.has("layers")) view.fail("it is a manifest, expected an index");
  index.manifests = parse_descriptors(view.items("manifests"));
  index.annotations = view.text_map("annotations");
  index.artifact_type = view.text("artifactType");
  return index;
}

Manifest parse_manifest(std::string_view json, std::string_view name) {
  const nlohmann::json parsed = parse_document(json, name);
  const JsonView view{parsed, name};
  check_schema(view);
  Manifest manifest;
  manifest.media_type = media_type_of(view, media_type::kManifest, is_manifest, "a manifest");
  if (view.has("manifests")) view.fail("it is an index, expected a manifest");
  manifest.config = parse_descriptor(view.required("config"));
  manifest.layers = parse_descriptors(view.items("layers"));
  manifest.annotations = view.text_map("annotations");
  manifest.artifact_type = view.text("artifactType");
  return manifest;
}

std::string manifest_media_type(std::string_view json, std::string_view name) {
  const nlohmann::json parsed = parse_document(json, name);
  const JsonView view{parsed, name};
  check_schema(view);
  if (std::string type = view.text("mediaType"); !type.empty()) return type;
  if (view.has("manifests")) return media_type::kIndex;
  if (view.has("config")) return media_type::kManifest;
  view.fail("it is neither an index nor a manifest");
}

ImageConfig parse_image_config(std::string_view json, std::string_view name) {
  const nlohmann::json parsed = parse_document(json, name);
  const JsonView view{parsed, name};
  ImageConfig config;
  config.platform = parse_platform(view);
  if (const auto execution = view.member("config")) parse_execution(*execution, config);
  if (const auto rootfs = view.member("rootfs")) {
    for (const JsonView& id : rootfs->items("diff_ids")) config.diff_ids.push_back(parse_digest(id));
  }
  return config;
}

std::string to_json(const Index& index) {
  auto out = document(index.media_type.empty() ? media_type::kIndex : index.media_type, index.artifact_type);
  out["manifests"] = to_json_values(index.manifests);
  if (!index.annotations.empty()) out["annotations"] = index.annotations;
  return dump_json(out);
}

std::string to_json(const Manifest& manifest) {
  auto out =
      document(manifest.media_type.empty() ? media_type::kManifest : manifest.media_type, manifest.artifact_type);
  out["config"] = to_json_value(manifest.config);
  out["layers"] = to_json_values(manifest.layers);
  if (!manifest.annotations.empty()) out["annotations"] = manifest.annotations;
  return dump_json(out);
}

std::string to_json(const ImageConfig& config) {
  nlohmann::ordered_json out;
  out["architecture"] = config.platform.architecture;
  if (!config.platform.variant.empty()) out["variant"] = config.platform.variant;
  out["os"] = config.platform.os;
  out["config"] = execution_json(config);
  out["rootfs"]["type"] = "layers";
  auto& ids = out["rootfs"]["diff_ids"] = nlohmann::ordered_json::array();
  for (const Digest& id : config.diff_ids) ids.push_back(id.to_string());
  return dump_json(out);
}

}  // namespace kiln::oci
