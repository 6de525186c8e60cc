#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "build/resolve.h"
#include "cli/workshop.h"
#include "config/load.h"
#include "package/lock.h"

namespace kiln::cli {

class Context;

/// kiln.lock beside the first of the YAML files, unless the user says otherwise.
std::filesystem::path lock_path(const std::string& given, const std::vector<std::string>& files);

/// Throws Error, with a hint if there is none.
package::Lock read_lock(const std::filesystem::path& path);

/// Brings just what a lock says into the store: from there, from registries by digest, or made again. Thread-safe but
/// for packages. The context must outlive it.
class LockedImages {
 public:
  explicit LockedImages(Context& context);

  oci::Image image(const oci::Reference& reference, const oci::Platform& platform, const package::LockedImage& locked);
  /// An image as a whole, of `wanted` platforms or all.
  oci::ImageSet images(const oci::Reference& reference, std::span<const oci::Platform> wanted,
                       const package::LockedImage& locked);
  /// What attests an image, as a set that has nothing else; without members if the lock names nothing.
  oci::ImageSet attestation(const oci::Reference& reference, const package::LockedImage& locked);
  /// The image of a package; made again if need be, and an error if it then is another.
  void package(package::Package package, const std::string& source, const oci::Platform& platform,
               const package::LockedImage& locked);

  PackageWorkshop& workshop();  ///< made when it is first asked for

 private:
  bool registry_has(const oci::Reference& exact);

  Context& context_;
  build::ImageFetcher fetch_;
  std::optional<PackageWorkshop> workshop_;
};

/// Names become what a lock says, or an error: nothing is asked of registries but the digests in it, and nothing at all
/// if the store has them. What is passed in must outlive it and the functions.
class LockedNames {
 public:
  LockedNames(Context& context, const package::Lock& lock, std::string lock_name)
      : context_{context}, images_{context}, lock_{lock}, lock_name_{std::move(lock_name)} {}

  config::PackageResolver resolver(const oci::Platform& platform);
  build::ImageFetcher fetcher();
  /// What build::collect_sboms() asks for.
  build::ImageFetcher attestation_fetcher();

 private:
  const package::LockedImage& find(const std::string& name, const std::string& source,
                                   const std::string& platform) const;

  Context& context_;
  LockedImages images_;
  const package::Lock& lock_;
  std::string lock_name_;
};

/// Every image reference of a system, as written, with its position.
struct ImageUse {
  std::string image;
  config::Position where;
  bool whole = false;                  ///< not the image for the platform is wanted but the image itself,
  std::vector<std::string> platforms;  ///< of these, or of all if there are none
};
std::vector<ImageUse> image_uses(const config::System& system);

}  // namespace kiln::cli
