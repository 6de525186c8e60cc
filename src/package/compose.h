#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/reporter.h"
#include "package/debian_archive.h"
#include "package/layer.h"
#include "package/recipe.h"

namespace kiln::package {

/// What a recipe is made with.
struct ComposeInputs {
  std::filesystem::path directory;      ///< of the package, for `source:`
  std::string architecture;             ///< Go's name
  std::filesystem::path guest_program;  ///< for `guest:`; need not exist otherwise
  std::filesystem::path work;           ///< where apt's state, fetched packages and temporary files may be
  /// The packages to be used instead of what the suite has today; null: those.
  const std::vector<DebianPin>* pins = nullptr;
};

/// The content of an image.
struct Composition {
  explicit Composition(const std::filesystem::path& work) : spool{work} {}

  Spool spool;
  std::map<std::string, LayerFile> files;        ///< by path without leading slash
  std::map<std::string, LayerFile> directories;  ///< as the packages have them, for parents of files
  /// Of the newest file of the packages: the time of all that is not theirs, so that images do not depend on today.
  std::int64_t time = 0;

  /// What the directory at `path`, which is not among `files`, is to be.
  LayerFile directory(std::string_view path) const;

  struct Origin {
    DebianPackage package;
    std::vector<std::string> files;  ///< paths without leading slash, sorted
  };
  std::vector<Origin> origins;  ///< the packages of which something was taken, by name

  /// Every package that was fetched and looked into, by name: from these alone the same comes out again.
  std::vector<DebianPin> fetched;
};

/// Carries a `debian:` recipe out. Throws Error.
Composition compose(const DebianRecipe& recipe, const ComposeInputs& inputs, Reporter& reporter);

}  // namespace kiln::package
