#include "package/package.h"

#include <algorithm>
#include <cstdlib>

#include "base/error.h"
#include "base/mapping.h"
#include "base/sha256.h"
#include "package/content_hash.h"
#include "package/git_state.h"

namespace kiln::package {
namespace {

namespace fs = std::filesystem;

// Part of the tag of shipped packages. Raise it when the same recipe makes another image than before.
constexpr std::string_view kRecipeFormat = "kiln recipe 1";

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

std::string shipped_hash(const Package& package, const Locations& locations) {
  const bool guest = package.recipe.debian && !package.recipe.debian->guest.empty();
  return directory_hash(package.directory, concat(kRecipeFormat, guest ? guest_hash(locations) : ""));
}

fs::path whole(const fs::path& path) {
  fs::path absolute = fs::absolute(path).lexically_normal();
  return absolute.has_filename() ? absolute : absolute.parent_path();
}

/// LinuxKit compares the texts, so that /a/b would be "above" /a/bc.
fs::path checked_hash_path(const fs::path& given, const Package& package) {
  if (given.empty()) return {};
  const fs::path path = whole(given);
  if (std::mismatch(path.begin(), path.end(), package.directory.begin(), package.directory.end()).first != path.end()) {
    throw Error{"hash path ", quote(path.string()), ": it is not above package ", quote(package.directory.string())};
  }
  return path;
}

GitQuery query_of(const Package& package, const PackageOptions& options) {
  return {package.directory, checked_hash_path(options.hash_path, package), package.recipe.extra_sources,
          options.hash_commit.empty() ? "HEAD" : options.hash_commit};
}

/// Fills in the hash and what git says of the package. With a hash that was given changes are noticed, but not told.
void ask_git(Package& package, const PackageOptions& options, const std::string& given) {
  package.in_git = in_git(package.directory);
  package.hash = given;
  if (!package.in_git) {
    package.dirty = options.force_dirty;
    return;
  }
  const GitQuery query = query_of(package, options);
  const std::string suffix = git_dirty_suffix(query, options.force_dirty);
  package.dirty = !suffix.empty();
  if (!package.dirty) package.commit = git_head(package.directory);
  if (given.empty()) package.hash = git_tree_hash(query) + suffix;
}

void apply(const PackageOptions& options, Recipe& recipe) {
  if (options.dev) {
    const char* user = std::getenv("USER");
    if (options.org.empty() && (user == nullptr || *user == '\0')) {
      throw Error{"--dev: USER is not set"}.with_hint("name the organisation with --org");
    }
    if (options.org.empty()) recipe.org = user;
  }
  if (!options.org.empty()) recipe.org = options.org;
  if (!options.tag.empty()) recipe.tag = options.tag;
  if (!options.dockerfile.empty()) recipe.dockerfile = options.dockerfile;
  if (options.cache) recipe.disable_cache = !*options.cache;
  if (options.network) recipe.network = *options.network;
}

}  // namespace

Package open_package(const fs::path& directory, const Locations& locations, const PackageOptions& options) {
  Package package;
  package.directory = whole(directory);
  package.build_yml = package.directory / options.build_yml;
  package.recipe = load_recipe(package.directory, options.build_yml);
  apply(options, package.recipe);
  const std::string given = options.hash.empty() && options.dev ? "dev" : options.hash;
  package.shipped = is_shipped(package.directory, locations);
  if (package.shipped) {
    package.hash = given.empty() ? shipped_hash(package, locations) : given;
  } else {
    ask_git(package, options, given);
  }
  const std::string tag = apply_tag_template(package.recipe.tag, package.hash);
  package.name = concat(package.repository(), ":", tag);
  package.reference = oci::Reference::parse(package.name);
  return package;
}

Package open_named_package(std::string_view scheme, std::string_view rest, std::string_view directory,
                           const Locations& locations) {
  if (scheme != "kiln" && scheme != "pkg") throw Error{"unknown scheme ", quote(concat("@", scheme, ":"))};
  const fs::path path =
      scheme == "kiln" ? locations.recipes / rest : fs::path{directory} / fs::path{rest}.relative_path();
  return open_package(path, locations);
}

}  // namespace kiln::package
