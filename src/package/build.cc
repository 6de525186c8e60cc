#include "package/build.h"

#include <algorithm>
#include <set>
#include <tuple>

#include "base/error.h"
#include "base/file.h"
#include "base/human.h"
#include "base/lock_file.h"
#include "base/mapping.h"
#include "build/layers.h"
#include "oci/image.h"
#include "package/compose.h"
#include "package/content_hash.h"
#include "package/sbom.h"

namespace kiln::package {
namespace {

namespace fs = std::filesystem;

// Part of the tag of shipped packages. Raise it when the same recipe makes another image than before.
constexpr std::string_view kRecipeFormat = "kiln recipe 1";
constexpr char kLabel[] = "org.mobyproject.config";

bool is_shipped(const fs::path& directory, const Locations& locations) {
  std::error_code error;
  return !locations.recipes.empty() && fs::equivalent(directory.parent_path(), locations.recipes, error);
}

/// The guest's programs are part of what a package with `guest:` is made from.
std::string guest_hash(const Locations& locations) {
  std::string text;
  for (const char* architecture : {"amd64", "arm64", "riscv64"}) {
    const fs::path program = locations.guest_program(architecture);
    std::error_code error;
    if (fs::exists(program, error)) text += concat(" ", architecture, " ", Sha256::of(Mapping{program}.bytes()).hex());
  }
  return text;
}

std::string package_hash(const fs::path& directory, const Recipe& recipe, const Locations& locations) {
  const bool guest = recipe.debian && !recipe.debian->guest.empty();
  if (is_shipped(directory, locations)) {
    return directory_hash(directory, concat(kRecipeFormat, guest ? guest_hash(locations) : ""));
  }
  return git_tree_hash(directory, recipe.extra_sources);
}

fs::path work_directory(const oci::Store& store) { return store.derived_directory("packages"); }

oci::Descriptor store_manifest(const Package& package, const oci::Platform& platform, const StoredLayer& layer,
                               oci::Store& store) {
  const DebianRecipe& debian = *package.recipe.debian;
  oci::ImageConfig config;
  config.platform = platform;
  config.entrypoint = debian.entrypoint;
  config.cmd = debian.cmd;
  config.env = debian.env;
  if (config.env.empty()) config.env = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"};
  config.working_dir = debian.working_dir;
  config.diff_ids = {layer.diff_id};
  if (!package.recipe.label.empty()) config.labels[kLabel] = package.recipe.label;
  oci::Manifest manifest;
  manifest.media_type = oci::media_type::kManifest;
  manifest.config = store.put(oci::to_json(config), oci::media_type::kConfig);
  manifest.layers = {layer.descriptor};
  oci::Descriptor descriptor = store.put(oci::to_json(manifest), oci::media_type::kManifest);
  descriptor.platform = platform;
  return descriptor;
}

/// The index the store has under the name, or an empty one; an image that stands there alone becomes its entry.
oci::Index current_index(const oci::Store& store, const oci::Reference& reference) {
  oci::Index index;
  index.media_type = oci::media_type::kIndex;
  const auto descriptor = store.find(reference.canonical());
  if (!descriptor) return index;
  if (oci::is_index(descriptor->media_type)) {
    if (store.has(*descriptor)) {
      index.manifests =
          oci::parse_index(store.read(*descriptor), concat("index of ", quote(reference.canonical()))).manifests;
    }
  } else if (descriptor->platform) {
    index.manifests = {*descriptor};
  }
  return index;
}

/// Images by architecture, then attestations in the order of their images: the index does not tell when what was built.
bool goes_before(const oci::Descriptor& a, const oci::Descriptor& b) {
  const auto key = [](const oci::Descriptor& entry) {
    const auto target = attestation_target(entry);
    return std::tuple{target.has_value(), target.value_or(""), entry.platform ? entry.platform->to_string() : ""};
  };
  return key(a) < key(b);
}

/// Puts an image (and its attestation) into the index of the name instead of the one of its platform; attestations of
/// images that are gone go with them.
void merge_into_index(const oci::Reference& reference, const oci::Descriptor& image, const oci::Descriptor& attestation,
                      oci::Store& store) {
  oci::Index index = current_index(store, reference);
  std::erase_if(index.manifests, [&](const oci::Descriptor& entry) {
    return !attestation_target(entry) && (!entry.platform || entry.platform->matches(*image.platform));
  });
  index.manifests.push_back(image);
  index.manifests.push_back(attestation);
  std::set<std::string> digests;
  for (const oci::Descriptor& entry : index.manifests) digests.insert(entry.digest.to_string());
  std::set<std::string> attested;
  std::erase_if(index.manifests, [&](const oci::Descriptor& entry) {
    const auto target = attestation_target(entry);
    return target && (!digests.count(*target) || !attested.insert(entry.digest.to_string()).second);
  });
  std::sort(index.manifests.begin(), index.manifests.end(), goes_before);
  store.set(reference.canonical(), store.put(oci::to_json(index), oci::media_type::kIndex));
}

void check_platform(const Package& package, const oci::Platform& platform) {
  const std::vector<std::string>& arches = package.recipe.arches;
  if (std::find(arches.begin(), arches.end(), platform.architecture) != arches.end()) return;
  throw Error{"package ", package.name, " is not made for ", platform.architecture}.with_hint(
      "its build.yml lists the architectures under 'arches'");
}

void index_layers(const oci::Image& image, const oci::Store& store, Reporter& reporter) {
  ThreadPool pool{0};
  const oci::Image* const images[] = {&image};
  build::Layers{store, reporter}.prepare(images, pool);
}

void make_image(const Package& package, const oci::Platform& platform, const Locations& locations, oci::Store& store,
                Reporter& reporter) {
  const ComposeInputs inputs{package.directory, platform.architecture, locations.guest_program(platform.architecture),
                             work_directory(store)};
  const Composition composition = compose(*package.recipe.debian, inputs, reporter);
  const StoredLayer layer = store_layer(
      composition.files, [&](std::string_view path) { return composition.directory(path); }, composition.spool, store);
  const oci::Descriptor image = store_manifest(package, platform, layer, store);
  const std::string spdx = spdx_document(composition, package.name, package.recipe.debian->suite);
  merge_into_index(package.reference, image, store_attestation(spdx, package.name, image, store), store);
  index_layers(*oci::find_image(store, package.reference, platform), store, reporter);
  reporter.info(concat(package.name, " for ", platform.architecture, ": ", composition.files.size(), " files, ",
                       human_size(layer.content_size)));
}

}  // namespace

Package open_package(const fs::path& directory, const Locations& locations, const PackageOptions& options) {
  Package package;
  package.directory = fs::absolute(directory).lexically_normal();
  if (!package.directory.has_filename()) package.directory = package.directory.parent_path();
  package.recipe = load_recipe(package.directory, options.build_yml);
  package.hash = options.hash.empty() ? package_hash(package.directory, package.recipe, locations) : options.hash;
  const std::string tag = apply_tag_template(options.tag.empty() ? package.recipe.tag : options.tag, package.hash);
  package.name = concat(options.org.empty() ? package.recipe.org : options.org, "/", package.recipe.image, ":", tag);
  package.reference = oci::Reference::parse(package.name);
  return package;
}

void build_package(const Package& package, const oci::Platform& platform, const Locations& locations, oci::Store& store,
                   Reporter& reporter, const PackageOptions& options) {
  check_platform(package, platform);
  if (!options.force && oci::find_image(store, package.reference, platform)) return;
  if (!package.recipe.debian) {
    throw Error{"package ", package.name, " has no 'debian:' recipe, and Kiln cannot build Dockerfiles yet"}.with_hint(
        "build it with its own tool and push it, or import its image into the store");
  }
  // One build of a package at a time: another process may have made it while we waited.
  const LockFile lock{work_directory(store) / concat("lock-", package.recipe.image), LockFile::Mode::exclusive};
  if (!options.force && oci::find_image(store, package.reference, platform)) return;
  const auto activity = reporter.start("package", concat(package.recipe.image, " ", platform.architecture));
  try {
    make_image(package, platform, locations, store, reporter);
  } catch (const Error& error) {
    throw error.within("building package ", quote(package.name), " for ", platform.architecture);
  }
  activity->finish("");
}

std::function<std::string(std::string_view, std::string_view, std::string_view)> make_resolver(
    const Locations& locations, const oci::Platform& platform, oci::Store& store, Reporter& reporter) {
  return [=, &store, &reporter](std::string_view scheme, std::string_view rest, std::string_view directory) {
    if (scheme != "kiln" && scheme != "pkg") throw Error{"unknown scheme ", quote(concat("@", scheme, ":"))};
    const fs::path path =
        scheme == "kiln" ? locations.recipes / rest : fs::path{directory} / fs::path{rest}.relative_path();
    const Package package = open_package(path, locations);
    if (package.recipe.debian) build_package(package, platform, locations, store, reporter);
    return package.reference.canonical();
  };
}

}  // namespace kiln::package
