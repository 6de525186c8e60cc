#include "base/human.h"
#include "package/builders.h"
#include "package/compose.h"
#include "package/sbom.h"

namespace kiln::package {
namespace {

oci::Descriptor store_manifest(const Package& package, const oci::Platform& platform, const StoredLayer& layer,
                               const Workshop& workshop) {
  const DebianRecipe& debian = *package.recipe.debian;
  oci::ImageConfig config;
  config.platform = platform;
  config.entrypoint = debian.entrypoint;
  config.cmd = debian.cmd;
  config.env = debian.env;
  if (config.env.empty()) config.env = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"};
  config.working_dir = debian.working_dir;
  config.diff_ids = {layer.diff_id};
  config.labels = image_labels(package, workshop);
  oci::Manifest manifest;
  manifest.media_type = oci::media_type::kManifest;
  manifest.config = workshop.store.put(oci::to_json(config), oci::media_type::kConfig);
  manifest.layers = {layer.descriptor};
  oci::Descriptor descriptor = workshop.store.put(oci::to_json(manifest), oci::media_type::kManifest);
  descriptor.platform = platform;
  return descriptor;
}

}  // namespace

std::filesystem::path pins_directory(const oci::Store& store) { return store.derived_directory("packages") / "pins"; }

std::optional<std::vector<DebianPin>> debian_pins(const oci::Digest& image, const oci::Store& store) {
  return read_debian_pins(pins_directory(store), image);
}

BuiltImage build_recipe(const Package& package, const oci::Platform& platform, const Workshop& workshop) {
  const ComposeInputs inputs{package.directory, platform.architecture,
                             workshop.locations.guest_program(platform.architecture),
                             workshop.store.derived_directory("packages"), package.pins ? &*package.pins : nullptr};
  const Composition composition = compose(*package.recipe.debian, inputs, workshop.reporter);
  const StoredLayer layer = store_layer(
      composition.files, [&](std::string_view path) { return composition.directory(path); }, composition.spool,
      workshop.store);
  const oci::Descriptor image = store_manifest(package, platform, layer, workshop);
  write_debian_pins(pins_directory(workshop.store), image.digest, composition.fetched);
  const std::string spdx = spdx_document(composition, package.name, package.recipe.debian->suite);
  workshop.reporter.info(concat(package.name, " for ", platform.architecture, ": ", composition.files.size(),
                                " files, ", human_size(layer.content_size)));
  return {image, store_attestation(spdx, package.name, image, workshop.store)};
}

}  // namespace kiln::package
