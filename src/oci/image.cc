#include "oci/image.h"

#include <algorithm>

#include "base/error.h"
#include "base/file.h"
#include "oci/image_lookup.h"

namespace kiln::oci {
namespace {

bool all_present(const Store& store, const Manifest& manifest) {
  return store.has(manifest.config) && std::all_of(manifest.layers.begin(), manifest.layers.end(),
                                                   [&](const Descriptor& layer) { return store.has(layer); });
}

/// The platform a manifest in the store says it is for (its config knows), if the store has both.
std::optional<Platform> platform_of(const Store& store, const Descriptor& descriptor, std::string_view name) {
  if (!is_manifest(descriptor.media_type) || !store.has(descriptor)) return std::nullopt;
  const Manifest manifest = parse_manifest(store.read(descriptor), concat("a manifest of ", name));
  if (!store.has(manifest.config)) return std::nullopt;
  return parse_image_config(store.read(manifest.config), concat("a config of ", name)).platform;
}

/// By name; a digest reference may also be known under another name, as content is the same wherever it came from.
std::optional<Descriptor> find_descriptor(const Store& store, const Reference& reference) {
  if (auto found = store.find(reference.canonical())) return found;
  if (!reference.digest()) return std::nullopt;
  for (auto& [name, descriptor] : store.names()) {
    if (descriptor.digest == *reference.digest()) return std::move(descriptor);
  }
  return std::nullopt;
}

/// The manifest for the platform, if the store has it.
std::optional<Descriptor> choose_present(const Store& store, const Index& index, const Platform& platform,
                                         std::string_view name) {
  if (const Descriptor* chosen = choose(index, platform)) {
    return store.has(*chosen) ? std::optional{*chosen} : std::nullopt;
  }
  // An entry need not have a platform (image-spec: OPTIONAL); then its config says what it is.
  for (const Descriptor& entry : index.manifests) {
    if (entry.platform) continue;
    const auto its = platform_of(store, entry, name);
    if (its && its->matches(platform)) return entry;
  }
  return std::nullopt;
}

}  // namespace

const Descriptor* choose(const Index& index, const Platform& platform) {
  const auto found = std::find_if(index.manifests.begin(), index.manifests.end(), [&](const Descriptor& entry) {
    return entry.platform && entry.platform->matches(platform);
  });
  return found == index.manifests.end() ? nullptr : &*found;
}

std::string platforms_of(const Index& index) {
  std::string out;
  for (const Descriptor& entry : index.manifests) {
    if (!entry.platform || entry.platform->os == "unknown") continue;  // attestations
    out += concat(out.empty() ? "" : ", ", entry.platform->to_string());
  }
  return out.empty() ? "none" : out;
}

void check_platform(const ImageConfig& config, const Platform& wanted, std::string_view name) {
  if (config.platform.matches(wanted)) return;
  const std::string is = config.platform.architecture.empty() ? "no platform in its config"
                                                              : concat("an image for ", config.platform.to_string());
  throw Error{name, ": it is ", is, ", expected ", wanted.to_string()}.with_hint(
      "build or pull the image for that platform, or choose another architecture");
}

void check_layers(const Manifest& manifest, const ImageConfig& config, std::string_view name) {
  if (config.diff_ids.empty() || config.diff_ids.size() == manifest.layers.size()) return;
  throw Error{name,
              ": its config lists ",
              config.diff_ids.size(),
              " layers, its manifest ",
              manifest.layers.size(),
              ": one of them is damaged"};
}

std::optional<Image> find_image(const Store& store, const Reference& reference, const Platform& platform) {
  const std::string name = quote(reference.canonical());
  std::optional<Descriptor> descriptor = find_descriptor(store, reference);
  if (!descriptor || !store.has(*descriptor)) return std::nullopt;
  if (is_index(descriptor->media_type)) {
    descriptor = choose_present(store, parse_index(store.read(*descriptor), concat("index of ", name)), platform, name);
    if (!descriptor) return std::nullopt;
  }
  Image image{reference, *descriptor, parse_manifest(store.read(*descriptor), concat("manifest of ", name)), {}};
  if (!all_present(store, image.manifest)) return std::nullopt;
  image.config = parse_image_config(store.read(image.manifest.config), concat("config of ", name));
  check_platform(image.config, platform, name);
  check_layers(image.manifest, image.config, name);
  return image;
}

std::optional<Descriptor> find_attestation(const Store& store, const Reference& reference, const Digest& image) {
  const auto root = store.find(reference.canonical());
  if (!root || !is_index(root->media_type) || !store.has(*root)) return std::nullopt;
  const Index index = parse_index(store.read(*root), concat("index of ", quote(reference.canonical())));
  const auto attests = [&](const Descriptor& entry) { return attestation_target(entry) == image.to_string(); };
  const auto found = std::find_if(index.manifests.begin(), index.manifests.end(), attests);
  return found == index.manifests.end() ? std::nullopt : std::optional{*found};
}

bool name_by_digest(Store& store, const Reference& reference) {
  if (store.find(reference.canonical())) return true;
  const std::filesystem::path path = store.blob_path(reference.digest().value());
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return false;
  const std::string content = read_file(path, std::size_t{16} << 20);
  if (Digest::of(content) != *reference.digest()) return false;
  const std::string name = concat("manifest of ", quote(reference.canonical()));
  const std::string media_type = manifest_media_type(content, name);
  if (!is_manifest(media_type) || !all_present(store, parse_manifest(content, name))) return false;
  store.set(reference.canonical(), Descriptor{media_type, *reference.digest(), content.size(), {}, {}, ""});
  return true;
}

}  // namespace kiln::oci
