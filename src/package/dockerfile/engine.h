#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/child_process.h"
#include "oci/descriptor.h"
#include "package/dockerfile/base_image.h"

namespace kiln::package {

/// An image to be built, in words that every engine understands.
struct EngineRequest {
  std::string name;                  ///< of the image, for --dry-run
  std::filesystem::path context;     ///< directory
  std::filesystem::path dockerfile;  ///< file; its images are named as in `bases`
  std::filesystem::path work;        ///< where the layouts of `bases` are, and the command is run
  oci::Platform platform, host;
  std::map<std::string, std::string> arguments, labels;
  std::vector<BaseImage> bases;
  bool network = false;       ///< for RUN
  bool fetches_urls = false;  ///< the Dockerfile has an ADD that needs the network
  bool cache = true;
  std::vector<std::string> ssh;
  std::string source_date_epoch;  ///< seconds; empty: now

  /// Where the image is to be put, as an OCI layout: below `work`.
  static constexpr char kOutput[] = "image";
};

/// What the engines with a daemon of their own want to know (spec pkg.md §6).
struct BuilderOptions {
  std::string name = "linuxkit-builder";
  std::string image = "moby/buildkit:v0.26.3";
  std::string config;  ///< buildkitd.toml
  bool restart = false;
  std::map<std::string, std::string> contexts;  ///< Docker contexts by platform: linux/arm64
};

/// A program that builds images from Dockerfiles.
class Engine {
 public:
  virtual ~Engine() = default;
  virtual std::string_view name() const = 0;
  /// The command that builds; a function of the request and of what prepare() found.
  virtual Command build(const EngineRequest& request) const = 0;
  /// Makes ready what build() needs.
  virtual void prepare(const EngineRequest&) {}
  /// What its cache takes ("du") or freeing it ("prune"), as text for the user.
  virtual std::string disk_usage() = 0;
  virtual std::string prune() = 0;
  /// Whether it runs the commands of other architectures on this machine, by the kernel's binfmt_misc.
  virtual bool is_local() const = 0;
};

/// What an engine is made with.
struct EngineOptions {
  std::string name;               ///< buildah, podman, buildctl or docker; empty: the first that is there
  std::filesystem::path storage;  ///< where buildah keeps its layers
  BuilderOptions builder;
};

/// Throws Error if there is none, or not the one that was asked for, saying what to install.
std::unique_ptr<Engine> make_engine(const EngineOptions& options);

// The engines, whether their programs are there or not.
std::unique_ptr<Engine> make_buildah(const std::filesystem::path& storage);
std::unique_ptr<Engine> make_podman();
std::unique_ptr<Engine> make_buildctl();
std::unique_ptr<Engine> make_docker(const BuilderOptions& builder);

/// The words of a command as a shell takes them.
std::string shell_line(const std::vector<std::string>& words);

}  // namespace kiln::package
