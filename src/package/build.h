#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/reporter.h"
#include "oci/reference.h"
#include "oci/store.h"
#include "package/recipe.h"

namespace kiln::package {

/// Where Kiln's own files are on this machine; filled in by the command line.
struct Locations {
  std::filesystem::path recipes;  ///< directory of the shipped recipes (`@kiln:NAME` is NAME in it)
  std::filesystem::path guest;    ///< directory with ARCH/kiln-guest

  std::filesystem::path guest_program(const std::string& architecture) const {
    return guest / architecture / "kiln-guest";
  }
};

/// Settings of `kiln pkg` (spec pkg.md §1.1).
struct PackageOptions {
  std::string org;   ///< instead of build.yml's
  std::string hash;  ///< instead of the computed one
  std::string tag;   ///< template instead of build.yml's
  std::string build_yml = "build.yml";
  bool force = false;  ///< build even if the store has the image
};

/// A package, its recipe read and its name known.
struct Package {
  std::filesystem::path directory;
  Recipe recipe;
  std::string hash;
  std::string name;  ///< org/image:tag
  oci::Reference reference;
};

/// Reads build.yml and computes the tag. Throws Error.
Package open_package(const std::filesystem::path& directory, const Locations& locations,
                     const PackageOptions& options = {});

/// Puts the package's image for one platform into the store under its canonical name, unless it is there (then nothing
/// is fetched, and no network needed). Other platforms of the name are kept. Safe against other processes doing the
/// same. Throws Error; for packages without `debian:` too.
void build_package(const Package& package, const oci::Platform& platform, const Locations& locations, oci::Store& store,
                   Reporter& reporter, const PackageOptions& options = {});

/// What config::load() wants: `@kiln:NAME` and `@pkg:PATH` (relative to the YAML's directory) as canonical references.
/// A package with a recipe is built for the platform if the store lacks it; one with a Dockerfile is only named, so
/// that its image is taken from the store or pulled. The references given must outlive the function.
std::function<std::string(std::string_view scheme, std::string_view rest, std::string_view directory)> make_resolver(
    const Locations& locations, const oci::Platform& platform, oci::Store& store, Reporter& reporter);

}  // namespace kiln::package
