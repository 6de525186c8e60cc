#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "base/guarded.h"
#include "base/reporter.h"
#include "base/thread_pool.h"
#include "build/build.h"
#include "config/load.h"
#include "netboot/boot_image.h"
#include "oci/store.h"
#include "publish/boot_parts.h"

namespace kiln::netboot {

/// Where a system comes from. state() and load() may be called on different threads, load() on one at a time.
struct BootSource {
  virtual ~BootSource() = default;
  virtual std::string description() const = 0;  ///< "web.yml", as the user gave it
  /// Changes when load() would give something else. Cheap: it is asked for every second and at every script request.
  virtual std::string state() const = 0;
  /// The system as it is now. Slow; throws Error.
  virtual std::shared_ptr<const BootImage> load() = 0;
};

/// What building from YAML needs; all references must outlive the source.
struct BuildTools {
  const oci::Store& store;
  Reporter& reporter;
  ThreadPool& pool;
  build::ImageFetcher fetch;
  config::PackageResolver resolve_package;
};

/// A YAML file, built for one platform. The initramfs is never joined: its segments are served out of the cache.
class YamlSource final : public BootSource {
 public:
  YamlSource(std::string file, oci::Platform platform, build::Options options, BuildTools tools);

  std::string description() const override { return file_; }
  std::string state() const override;
  std::shared_ptr<const BootImage> load() override;

 private:
  config::System read_configuration(std::vector<std::filesystem::path>& inputs) const;

  std::string file_;
  oci::Platform platform_;
  build::Options options_;
  BuildTools tools_;
  /// What else decides the result: the recipes of `@pkg:` and the sources of `files:`. Known once it was loaded.
  mutable Guarded<std::vector<std::filesystem::path>> inputs_;
};

/// NAME-kernel, NAME-initrd.img and NAME-cmdline, as `kiln build` writes them.
class NamedSource final : public BootSource {
 public:
  explicit NamedSource(std::string name) : name_{std::move(name)} {}

  std::string description() const override { return name_; }
  std::string state() const override;
  std::shared_ptr<const BootImage> load() override;

 private:
  std::string name_;
};

/// Blobs of the store, which are named by their digests, as they are served.
std::shared_ptr<const BootImage> boot_image_of(const publish::BootParts& parts);

}  // namespace kiln::netboot
