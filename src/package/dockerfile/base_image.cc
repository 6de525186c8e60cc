#include "package/dockerfile/base_image.h"

#include <cctype>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"
#include "oci/json.h"

namespace kiln::package {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

/// buildah names an image by its path, which must be lower case and without colons; as it is shown while building, it
/// should say which image it is. The digest makes it another image when that has changed.
std::string layout_name(const oci::Image& image) {
  std::string name = image.reference.locator();
  if (image.reference.tag()) name += "-" + *image.reference.tag();
  for (char& c : name) {
    const bool plain = std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '/' || c == '.' || c == '-';
    c = plain ? static_cast<char>(std::tolower(static_cast<unsigned char>(c))) : '-';
  }
  while (name.ends_with('-') || name.ends_with('.')) name.pop_back();
  return concat(name, "-", image.descriptor.digest.hex().substr(0, 12));
}

std::size_t count_layers_of(const Json& history) {
  std::size_t count = 0;
  for (const Json& step : history) count += step.is_object() && step.value("empty_layer", false) ? 0 : 1;
  return count;
}

/// What buildah wants of a configuration beyond the specification: a history that accounts for every layer, and for
/// arm64 the variant that it takes the platform to have.
std::string buildable_config(const std::string& text) {
  Json config = Json::parse(text);
  const std::size_t layers = config["rootfs"]["diff_ids"].size();
  const bool has_history = config.contains("history") && config["history"].is_array();
  if (!has_history || count_layers_of(config["history"]) != layers) {
    config["history"] = Json::array();
    for (std::size_t i = 0; i < layers; ++i) config["history"].push_back({{"created_by", concat("layer ", i + 1)}});
  }
  if (config.value("architecture", "") == "arm64" && config.value("variant", "").empty()) config["variant"] = "v8";
  return oci::dump_json(config);
}

/// Docker's media types as OCI's: layouts have no others.
std::string oci_layer_type(const std::string& type) {
  if (type == "application/vnd.docker.image.rootfs.diff.tar.gzip") return oci::media_type::kLayerGzip;
  if (type == "application/vnd.docker.image.rootfs.diff.tar") return oci::media_type::kLayerTar;
  return type;
}

oci::Descriptor put(const fs::path& layout, const std::string& text, const char* media_type) {
  oci::Descriptor descriptor;
  descriptor.media_type = media_type;
  descriptor.digest = oci::Digest::of(text);
  descriptor.size = text.size();
  write_file(layout / "blobs/sha256" / descriptor.digest.hex(), text);
  return descriptor;
}

}  // namespace

BaseImage offer_base_image(const oci::Image& image, std::size_t number, const oci::Store& store, const fs::path& work) {
  BaseImage base;
  base.name = concat("kiln-base-", number);
  base.layout = layout_name(image);
  const fs::path layout = work / base.layout;
  make_directories(layout / "blobs/sha256");
  oci::Manifest manifest;
  manifest.media_type = oci::media_type::kManifest;
  manifest.config = put(layout, buildable_config(store.read(image.manifest.config)), oci::media_type::kConfig);
  for (std::size_t i = 0; i < image.manifest.layers.size(); ++i) {
    oci::Descriptor layer = image.manifest.layers[i];
    if (i < image.config.diff_ids.size()) base.layers[image.config.diff_ids[i]] = layer;
    layer.media_type = oci_layer_type(layer.media_type);
    const fs::path blob = layout / "blobs/sha256" / layer.digest.hex();
    if (!fs::exists(blob)) fs::create_symlink(store.blob_path(layer.digest), blob);
    manifest.layers.push_back(layer);
  }
  const oci::Descriptor root = put(layout, oci::to_json(manifest), oci::media_type::kManifest);
  base.digest = root.digest;
  const Json entry = {{"mediaType", root.media_type},
                      {"digest", root.digest.to_string()},
                      {"size", root.size},
                      {"annotations", {{"org.opencontainers.image.ref.name", kLayoutTag}}}};
  const Json index = {
      {"schemaVersion", 2}, {"mediaType", oci::media_type::kIndex}, {"manifests", Json::array({entry})}};
  write_file(layout / "index.json", oci::dump_json(index));
  write_file(layout / "oci-layout", R"({"imageLayoutVersion":"1.0.0"})");
  return base;
}

}  // namespace kiln::package
