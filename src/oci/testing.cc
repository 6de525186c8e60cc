#include "oci/testing.h"

namespace kiln::oci::testing_ {

Descriptor describe(const std::string& content, const std::string& media_type) {
  return {media_type, Digest::of(content), content.size(), {}, {}, ""};
}

TestImage make_image(const std::string& architecture, std::vector<std::string> layers) {
  TestImage image;
  ImageConfig config;
  config.platform = {"linux", architecture, ""};
  config.cmd = {"/bin/true"};
  for (const std::string& layer : layers) {
    config.diff_ids.push_back(Digest::of(layer));
    image.manifest.layers.push_back(describe(layer, media_type::kLayerTar));
  }
  image.layers = std::move(layers);
  image.config_json = to_json(config);
  image.manifest.media_type = media_type::kManifest;
  image.manifest.config = describe(image.config_json, media_type::kConfig);
  image.manifest_json = to_json(image.manifest);
  image.descriptor = describe(image.manifest_json, media_type::kManifest);
  image.descriptor.platform = config.platform;
  return image;
}

std::string make_index(const std::vector<TestImage>& images) {
  Index index;
  for (const TestImage& image : images) index.manifests.push_back(image.descriptor);
  return to_json(index);
}

void put_image(Store& store, const TestImage& image) {
  for (const std::string& layer : image.layers) store.put(layer, media_type::kLayerTar);
  store.put(image.config_json, media_type::kConfig);
  store.put(image.manifest_json, media_type::kManifest);
}

}  // namespace kiln::oci::testing_
