#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "oci/reference.h"
#include "package/debian_pin.h"
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

/// How `kiln pkg` names and reads a package (spec pkg.md §1.1); what is empty is as build.yml says.
struct PackageOptions {
  std::string org;
  std::string hash;  ///< instead of the computed one
  std::string tag;   ///< template instead of build.yml's
  std::string build_yml = "build.yml";
  std::string dockerfile;
  std::string hash_commit = "HEAD";
  std::filesystem::path hash_path;  ///< the package's directory or one above it
  bool force_dirty = false;
  bool dev = false;  ///< organisation $USER and hash "dev", where not given
  std::optional<bool> cache, network;
};

/// A package, its build.yml read and its name known. Whether it is a recipe or has a Dockerfile matters only to what
/// builds it.
struct Package {
  std::filesystem::path directory;
  std::filesystem::path build_yml;
  Recipe recipe;
  std::string hash;
  std::string name;  ///< org/image:tag
  oci::Reference reference;
  bool shipped = false;  ///< comes with Kiln, and not from git
  bool in_git = false;
  bool dirty = false;  ///< has changes that are not in HEAD, which no tag may stand for elsewhere
  std::string commit;  ///< HEAD, if the package has no changes; or where a lock has it from
  /// The .debs a recipe is to be made of, as a lock has them; nothing: those the suite has today.
  std::optional<std::vector<DebianPin>> pins;

  std::string repository() const { return recipe.org + "/" + recipe.image; }  ///< org/image
};

/// Reads build.yml and computes the tag. Throws Error.
Package open_package(const std::filesystem::path& directory, const Locations& locations,
                     const PackageOptions& options = {});

/// The package that `@kiln:NAME` or `@pkg:PATH` (relative to the YAML's directory) means.
Package open_named_package(std::string_view scheme, std::string_view rest, std::string_view directory,
                           const Locations& locations);

}  // namespace kiln::package
