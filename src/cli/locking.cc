#include "cli/locking.h"

#include "base/file.h"
#include "cli/context.h"
#include "cli/images.h"
#include "oci/store.h"

namespace kiln::cli {
namespace {

constexpr std::size_t kMostLock = std::size_t{16} << 20;

oci::Reference by_digest(const oci::Reference& reference, const oci::Digest& digest) {
  return oci::Reference::parse(concat(reference.locator(), "@", digest.to_string()));
}

/// A recipe of other bytes than the lock's. The .debs are those of the lock, so it is Kiln that differs.
Error other_recipe(const std::string& source, const oci::Digest& made, const oci::Digest& expected) {
  return Error{"made again of what the lock names, its image is ", made.to_string(), ", expected ",
               expected.to_string()}
      .with_hint(
          concat("another version of Kiln, or of its compression library, made the locked one; `kiln lock --update ",
                 source, "` takes this one"));
}

Error other_dockerfile(const std::string& source, const oci::Reference& exact, const oci::Digest& made) {
  return Error{"its Dockerfile, built anew, gives ",
               made.to_string(),
               ", and neither the store nor registry ",
               quote(exact.domain()),
               " has ",
               exact.digest().value().to_string(),
               " of the lock"}
      .with_hint(concat("a Dockerfile seldom gives the same image twice: push the locked one from where it was made "
                        "(`kiln pkg push`), or take the new one with `kiln lock --update ",
                        source, "`"));
}

}  // namespace

std::filesystem::path lock_path(const std::string& given, const std::vector<std::string>& files) {
  if (!given.empty()) return given;
  const std::string& first = files.front();
  const bool is_file = first != "-" && first.find("://") == std::string::npos;
  return (!is_file ? std::filesystem::path{} : std::filesystem::path{first}.parent_path()) / "kiln.lock";
}

package::Lock read_lock(const std::filesystem::path& path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) {
    throw Error{"there is no ", quote(path.native())}.with_hint("`kiln lock` with the same YAML files writes it");
  }
  return package::parse_lock(read_file(path, kMostLock), path.native());
}

LockedImages::LockedImages(Context& context) : context_{context}, fetch_{image_fetcher(context, false)} {}

PackageWorkshop& LockedImages::workshop() {
  if (!workshop_) workshop_.emplace(context_);
  return *workshop_;
}

oci::Image LockedImages::image(const oci::Reference& reference, const oci::Platform& platform,
                               const package::LockedImage& locked) {
  const oci::Reference exact = by_digest(reference, locked.digest);
  oci::name_by_digest(context_.store(), exact);  // it may be there under the name alone
  oci::Image image = fetch_(exact, platform);
  image.reference = reference;
  return image;
}

oci::ImageSet LockedImages::images(const oci::Reference& reference, std::span<const oci::Platform> wanted,
                                   const package::LockedImage& locked) {
  oci::Store& store = context_.store();
  const oci::Reference exact = by_digest(reference, locked.digest);
  const auto known = store.find(reference.canonical());
  if (!store.find(exact.canonical()) && known && known->digest == locked.digest) store.set(exact.canonical(), *known);
  oci::ImageSet images = fetch_.images(exact, wanted);
  images.reference = reference;
  return images;
}

oci::ImageSet LockedImages::attestation(const oci::Reference& reference, const package::LockedImage& locked) {
  oci::ImageSet set{reference, {}, {}};
  if (!locked.attestation) return set;
  const oci::Reference exact = by_digest(reference, *locked.attestation);
  oci::name_by_digest(context_.store(), exact);
  set = fetch_.images(exact, {});
  for (oci::ImageSet::Member& member : set.members) {  // one; it is said of it what the index it is of says
    member.descriptor.annotations[oci::annotation::kReferenceType] = "attestation-manifest";
    member.descriptor.annotations[oci::annotation::kReferenceDigest] = locked.digest.to_string();
  }
  set.root.media_type = oci::media_type::kIndex;
  return set;
}

/// No if it does not answer: then an image can still be made.
bool LockedImages::registry_has(const oci::Reference& exact) {
  try {
    return workshop().tools().registry.manifest_descriptor(exact).has_value();
  } catch (const Error&) {
    return false;
  }
}

void LockedImages::package(package::Package package, const std::string& source, const oci::Platform& platform,
                           const package::LockedImage& locked) {
  const oci::Reference exact = by_digest(package.reference, locked.digest);
  oci::name_by_digest(context_.store(), exact);
  if (oci::find_image(context_.store(), exact, platform)) return;
  const bool is_recipe = package.recipe.debian.has_value();
  if (!is_recipe && registry_has(exact)) {
    fetch_(exact, platform);
    return;
  }
  package.commit = locked.commit;
  package.pins = locked.pins.value_or(std::vector<package::DebianPin>{});
  package::Workshop tools = workshop().tools();
  if (locked.made_by) {
    tools.version = locked.made_by->version;
    tools.revision = locked.made_by->revision;
  }
  const oci::Digest made = package::rebuild_package(package, platform, exact, tools);
  if (made == locked.digest) {
    if (locked.attestation) oci::name_by_digest(context_.store(), by_digest(package.reference, *locked.attestation));
    return;
  }
  throw is_recipe ? other_recipe(source, made, locked.digest) : other_dockerfile(source, exact, made);
}

const package::LockedImage& LockedNames::find(const std::string& name, const std::string& source,
                                              const std::string& platform) const {
  if (const package::LockedImage* locked = lock_.find(name, platform)) return *locked;
  throw package::missing_name(lock_, lock_name_, name, source, platform);
}

config::PackageResolver LockedNames::resolver(const oci::Platform& platform) {
  return [this, platform](std::string_view scheme, std::string_view rest, std::string_view directory) {
    package::Package package = package::open_named_package(scheme, rest, directory, package_locations(context_));
    const std::string source = concat("@", scheme, ":", rest);
    const std::string name = package.reference.canonical();
    images_.package(std::move(package), source, platform, find(name, source, platform.to_string()));
    return name;
  };
}

build::ImageFetcher LockedNames::fetcher() {
  build::ImageFetcher fetch;
  fetch.image = [this](const oci::Reference& reference, const oci::Platform& platform) {
    return images_.image(reference, platform, find(reference.canonical(), "", platform.to_string()));
  };
  fetch.images = [this](const oci::Reference& reference, std::span<const oci::Platform> wanted) {
    return images_.images(reference, wanted, find(reference.canonical(), "", package::kWhole));
  };
  return fetch;
}

build::ImageFetcher LockedNames::attestation_fetcher() {
  build::ImageFetcher fetch;
  fetch.images = [this](const oci::Reference& reference, std::span<const oci::Platform> wanted) {
    return images_.attestation(reference, find(reference.canonical(), "", wanted.front().to_string()));
  };
  return fetch;
}

std::vector<ImageUse> image_uses(const config::System& system) {
  std::vector<ImageUse> uses;
  if (system.kernel && !system.kernel->image.empty())
    uses.push_back({system.kernel->image, system.kernel->where, false, {}});
  for (const config::InitImage& init : system.init) uses.push_back({init.image, init.where, false, {}});
  for (const auto* section : {&system.onboot, &system.onshutdown, &system.services}) {
    for (const config::Container& container : *section) uses.push_back({container.image, container.where, false, {}});
  }
  for (const config::Volume& volume : system.volumes) {
    if (!volume.image.empty()) uses.push_back({volume.image, volume.where, volume.format == "oci", volume.platforms});
  }
  return uses;
}

}  // namespace kiln::cli
