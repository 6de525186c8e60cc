#include "package/dockerfile/built_image.h"

#include <nlohmann/json.hpp>

#include "archive/compress.h"
#include "base/error.h"
#include "base/file.h"
#include "oci/json.h"
#include "oci/manifest.h"

namespace kiln::package {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostText = 16 << 20;

/// A layout as an engine has left it: nothing of it is believed before its digest has been computed.
class Layout {
 public:
  explicit Layout(fs::path directory) : directory_{std::move(directory)} {}

  std::string index() const { return read_file(directory_ / "index.json", kMostText); }

  std::string document(const oci::Descriptor& descriptor) const {
    std::string text = read_file(blob(descriptor), kMostText);
    if (oci::Digest::of(text) != descriptor.digest) {
      throw Error{"blob ", descriptor.digest.to_string(), " has the content of ", oci::Digest::of(text).to_string()};
    }
    return text;
  }

  fs::path blob(const oci::Descriptor& descriptor) const {
    return directory_ / "blobs/sha256" / descriptor.digest.hex();
  }

 private:
  fs::path directory_;
};

bool is_for(const oci::Descriptor& entry, const oci::Platform& platform) {
  return !entry.platform || entry.platform->matches(platform);
}

/// The manifest for the platform: BuildKit wraps it in an index of its own.
oci::Manifest find_manifest(const Layout& layout, const std::string& index_text, const oci::Platform& platform,
                            int depth = 0) {
  constexpr int kDeepest = 3;
  const oci::Index index = oci::parse_index(index_text, "the engine's index");
  for (const oci::Descriptor& entry : index.manifests) {
    if (!is_for(entry, platform)) continue;
    if (oci::is_manifest(entry.media_type)) return oci::parse_manifest(layout.document(entry), "the engine's manifest");
    if (oci::is_index(entry.media_type) && depth < kDeepest) {
      return find_manifest(layout, layout.document(entry), platform, depth + 1);
    }
  }
  throw Error{"the engine's image has no ", platform.to_string()};
}

void forget_engine(nlohmann::ordered_json& config) {
  if (config.contains("config") && config["config"].contains("Labels") && config["config"]["Labels"].is_object()) {
    config["config"]["Labels"].erase("io.buildah.version");
  }
  if (config.value("architecture", "") == "arm64" && config.value("variant", "") == "v8") config.erase("variant");
  if (!config.contains("history") || !config["history"].is_array()) return;
  for (auto& step : config["history"]) {
    // "FROM localhost/PATH:latest": where its base lay here.
    if (step.is_object() && step.contains("comment") && step["comment"].is_string() &&
        step["comment"].get_ref<const std::string&>().starts_with("FROM ")) {
      step.erase("comment");
    }
  }
}

/// The configuration for the store: the engine's, less what forget_engine() takes away.
std::string clean_config(const std::string& text) {
  const nlohmann::json checked = oci::parse_json(text, "the engine's image configuration");  // depth and UTF-8
  (void)checked;
  auto config = nlohmann::ordered_json::parse(text);
  if (!config.is_object()) throw Error{"the engine's image configuration is not a JSON object"};
  forget_engine(config);
  return oci::dump_json(config);
}

bool is_plain(const std::string& media_type) {
  return media_type == oci::media_type::kLayerTar || media_type == "application/vnd.docker.image.rootfs.diff.tar";
}

/// Copies a blob into the store, with gzip if it is not compressed. As everywhere, what it is must be what its digest
/// says.
oci::Descriptor take_layer(const Layout& layout, const oci::Descriptor& layer, oci::Store& store) {
  const fs::path path = layout.blob(layer);
  const UniqueFd file = open_file(path);
  FdSource source{file.get(), path.native()};
  oci::Store::Writer blob = store.write();
  if (!is_plain(layer.media_type)) {
    if (store.has(layer)) return layer;
    copy(source, blob);
    blob.commit(layer);
    return layer;
  }
  constexpr int kLevel = 6;
  archive::StreamCompressor gzip{archive::Codec::gzip, kLevel, blob};
  HashingSink tar{gzip};
  copy(source, tar);
  gzip.finish();
  if (const oci::Digest digest{tar.finish()}; digest != layer.digest) {
    throw Error{"layer ", layer.digest.to_string(), " has the content of ", digest.to_string()};
  }
  return blob.commit(oci::media_type::kLayerGzip);
}

std::map<oci::Digest, oci::Descriptor> known_layers(const std::vector<BaseImage>& bases) {
  std::map<oci::Digest, oci::Descriptor> known;
  for (const BaseImage& base : bases) known.insert(base.layers.begin(), base.layers.end());
  return known;
}

}  // namespace

oci::Descriptor take_built_image(const fs::path& directory, const oci::Platform& platform,
                                 const std::vector<BaseImage>& bases, oci::Store& store) {
  const Layout layout{directory};
  oci::Manifest manifest = find_manifest(layout, layout.index(), platform);
  const std::string config_text = clean_config(layout.document(manifest.config));
  const oci::ImageConfig config = oci::parse_image_config(config_text, "the engine's image configuration");
  if (!config.platform.matches(platform)) {
    throw Error{"the engine has built for ", config.platform.to_string(), ", expected ", platform.to_string()};
  }
  if (config.diff_ids.size() != manifest.layers.size()) {
    throw Error{"the engine's image has ", manifest.layers.size(), " layers, and ", config.diff_ids.size(),
                " in its configuration"};
  }
  const auto known = known_layers(bases);
  for (std::size_t i = 0; i < manifest.layers.size(); ++i) {
    const auto base = known.find(config.diff_ids[i]);
    manifest.layers[i] = base != known.end() ? base->second : take_layer(layout, manifest.layers[i], store);
  }
  manifest.media_type = oci::media_type::kManifest;
  manifest.annotations.clear();
  manifest.config = store.put(config_text, oci::media_type::kConfig);
  oci::Descriptor descriptor = store.put(oci::to_json(manifest), oci::media_type::kManifest);
  descriptor.platform = oci::Platform{config.platform.os, config.platform.architecture, config.platform.variant};
  return descriptor;
}

}  // namespace kiln::package
