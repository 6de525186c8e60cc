#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/reporter.h"
#include "base/thread_pool.h"
#include "oci/registry.h"
#include "oci/store.h"
#include "package/dockerfile/engine.h"
#include "package/package.h"

namespace kiln::package {

/// What packages are built with.
struct Workshop {
  Locations locations;
  oci::Store& store;
  oci::Registry& registry;  ///< for base images, and to see what is there already
  ThreadPool& transfers;    ///< for downloads
  Reporter& reporter;
  std::string version, revision;  ///< of this program, for labels
};

/// How Dockerfiles are built; recipes have no use for it.
struct BuildOptions {
  EngineOptions engine;
  std::vector<std::filesystem::path> argument_files;
  std::vector<std::string> ssh;
  bool refresh_bases = false;  ///< ask registries for base images that the store has
  bool sbom = true;            ///< an SPDX document from the package databases in the image
  bool show_output = false;    ///< of the engine, to users who did not ask for details
};

/// Makes the package's image for a platform and puts it into the store under its canonical name, beside those of other
/// platforms. `force`: also if it is there; otherwise that is found out before and after other processes building the
/// same had their turn. True if it was built. Throws Error.
bool build_package(const Package& package, const oci::Platform& platform, const Workshop& workshop,
                   const BuildOptions& options = {}, bool force = false);

/// Makes the package's image again, the same as it once was: of the package's pins and commit. It gets no name but
/// `exact`, its reference by the digest it is to have, and that only if it has come out so. Returns the digest it has.
oci::Digest rebuild_package(const Package& package, const oci::Platform& platform, const oci::Reference& exact,
                            const Workshop& workshop, const BuildOptions& options = {});

/// The .debs the image of a recipe in the store was made of, as far as it is known.
std::optional<std::vector<DebianPin>> debian_pins(const oci::Digest& image, const oci::Store& store);

/// Whether the package's registry has its image for a platform; no if it does not answer.
bool registry_has(const Package& package, const oci::Platform& platform, oci::Registry& registry);

/// The command that build_package() would have an engine run for a Dockerfile, as a line for a shell.
std::string engine_command(const Package& package, const oci::Platform& platform, const Workshop& workshop,
                           const Engine& engine, const BuildOptions& options);

/// Where buildah keeps what it has built.
std::filesystem::path engine_storage(const oci::Store& store);

/// What config::load() wants: `@kiln:NAME` and `@pkg:PATH` (relative to the YAML's directory) as canonical references.
/// What the store lacks is built for the platform; a package with a Dockerfile only if its registry has no image
/// either. The workshop must outlive the function.
std::function<std::string(std::string_view scheme, std::string_view rest, std::string_view directory)> make_resolver(
    const Workshop& workshop, const oci::Platform& platform);

}  // namespace kiln::package
