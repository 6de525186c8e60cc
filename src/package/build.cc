#include "package/build.h"

#include <algorithm>

#include "base/error.h"
#include "base/file.h"
#include "base/lock_file.h"
#include "build/layers.h"
#include "oci/image.h"
#include "oci/index_merge.h"
#include "package/builders.h"

namespace kiln::package {
namespace {

namespace fs = std::filesystem;

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

void record(const oci::Reference& reference, const BuiltImage& built, oci::Store& store) {
  oci::Index index = current_index(store, reference);
  oci::replace_image(index, built.image, built.attestation);
  store.set(reference.canonical(), store.put(oci::to_json(index), oci::media_type::kIndex));
}

void check_platform(const Package& package, const oci::Platform& platform) {
  const std::vector<std::string>& arches = package.recipe.arches;
  if (std::find(arches.begin(), arches.end(), platform.architecture) != arches.end()) return;
  throw Error{"package ", package.name, " is not made for ", platform.architecture}.with_hint(
      "its build.yml lists the architectures under 'arches'");
}

/// The first build of a system finds the layers' indexes ready.
void index_layers(const oci::Image& image, const oci::Store& store, Reporter& reporter) {
  ThreadPool pool{0};
  const oci::Image* const images[] = {&image};
  build::Layers{store, reporter}.prepare(images, pool);
}

/// One build of a package at a time: another process may make it while we wait.
LockFile wait_for_others(const Package& package, const oci::Store& store) {
  return LockFile{
      store.derived_directory("packages") / concat("lock-", fs::path{package.recipe.image}.filename().string()),
      LockFile::Mode::exclusive};
}

/// Has the image made, with what is told of it, and then done with it what `finish` does.
template <typename Finish>
void make_image(const Package& package, const oci::Platform& platform, const Workshop& workshop,
                const BuildOptions& options, const Finish& finish) {
  const auto activity = workshop.reporter.start("package", concat(package.recipe.image, " ", platform.architecture));
  try {
    finish(package.recipe.debian ? build_recipe(package, platform, workshop)
                                 : build_dockerfile(package, platform, workshop, options));
  } catch (const Error& error) {
    throw error.within("building package ", quote(package.name), " for ", platform.architecture);
  }
  activity->finish("");
}

void index_image(const oci::Reference& reference, const oci::Platform& platform, const Workshop& workshop) {
  index_layers(*oci::find_image(workshop.store, reference, platform), workshop.store, workshop.reporter);
}

}  // namespace

bool registry_has(const Package& package, const oci::Platform& platform, oci::Registry& registry) {
  try {
    const auto document = registry.manifest(package.reference);
    if (!document) return false;
    if (!oci::is_index(document->descriptor.media_type)) return true;
    const oci::Index index = oci::parse_index(document->content, package.name);
    return std::any_of(index.manifests.begin(), index.manifests.end(), [&](const oci::Descriptor& entry) {
      return entry.platform && entry.platform->matches(platform);
    });
  } catch (const Error&) {
    return false;  // spec pkg.md §4: any error counts as absent, and leads to a build
  }
}

std::map<std::string, std::string> image_labels(const Package& package, const Workshop& workshop) {
  std::map<std::string, std::string> labels;
  const auto set = [&](const char* key, const std::string& value) {
    if (!value.empty()) labels[key] = value;
  };
  set("org.mobyproject.config", package.recipe.label);
  if (package.shipped) return labels;  // a function of the recipe, whatever Kiln's version
  if (package.in_git) set("org.opencontainers.image.source", package.recipe.git_repository);
  set("org.opencontainers.image.revision", package.commit);
  set("org.mobyproject.linuxkit.version", workshop.version);
  set("org.mobyproject.linuxkit.revision", workshop.revision);
  return labels;
}

bool build_package(const Package& package, const oci::Platform& platform, const Workshop& workshop,
                   const BuildOptions& options, bool force) {
  check_platform(package, platform);
  oci::Store& store = workshop.store;
  if (!force && oci::find_image(store, package.reference, platform)) return false;
  const LockFile lock = wait_for_others(package, store);
  if (!force && oci::find_image(store, package.reference, platform)) return false;
  make_image(package, platform, workshop, options, [&](const BuiltImage& built) {
    record(package.reference, built, store);
    index_image(package.reference, platform, workshop);
  });
  return true;
}

oci::Digest rebuild_package(const Package& package, const oci::Platform& platform, const oci::Reference& exact,
                            const Workshop& workshop, const BuildOptions& options) {
  check_platform(package, platform);
  const LockFile lock = wait_for_others(package, workshop.store);
  if (oci::find_image(workshop.store, exact, platform)) return exact.digest().value();
  std::optional<oci::Digest> digest;
  make_image(package, platform, workshop, options, [&](const BuiltImage& built) {
    digest = built.image.digest;
    if (oci::name_by_digest(workshop.store, exact)) index_image(exact, platform, workshop);
  });
  return digest.value();
}

fs::path engine_storage(const oci::Store& store) { return store.directory() / "kiln/packages/buildah"; }

std::function<std::string(std::string_view, std::string_view, std::string_view)> make_resolver(
    const Workshop& workshop, const oci::Platform& platform) {
  return [&workshop, platform](std::string_view scheme, std::string_view rest, std::string_view directory) {
    const Package package = open_named_package(scheme, rest, directory, workshop.locations);
    const bool wanted = package.recipe.debian || (!oci::find_image(workshop.store, package.reference, platform) &&
                                                  !registry_has(package, platform, workshop.registry));
    if (wanted) build_package(package, platform, workshop);
    return package.reference.canonical();
  };
}

}  // namespace kiln::package
