#include <CLI/CLI.hpp>

#include "cli/context.h"
#include "cli/images.h"
#include "cli/verbs.h"
#include "package/build.h"

namespace kiln::cli {
namespace {

struct PkgOptions {
  std::vector<std::string> directories, platforms;
  package::PackageOptions package;
  bool canonical = false;
};

/// The platforms asked for; by default all of the package.
std::vector<oci::Platform> platforms_of(const package::Package& package, const PkgOptions& options) {
  std::vector<oci::Platform> platforms;
  const std::vector<std::string>& names = options.platforms.empty() ? package.recipe.arches : options.platforms;
  for (const std::string& name : names) platforms.push_back(oci::Platform::parse(name));
  return platforms;
}

/// DIR, or `@kiln:NAME` for a recipe that ships with Kiln.
package::Package open(const std::string& directory, const package::Locations& locations, const PkgOptions& options) {
  constexpr std::string_view kShipped = "@kiln:";
  if (!directory.starts_with(kShipped)) return package::open_package(directory, locations, options.package);
  return package::open_package(locations.recipes / directory.substr(kShipped.size()), locations, options.package);
}

int run_build(Context& context, const PkgOptions& options) {
  const package::Locations locations = package_locations(context);
  std::vector<package::Package> packages;
  for (const std::string& directory : options.directories) packages.push_back(open(directory, locations, options));
  std::string text;
  std::vector<Fields> objects;
  for (const package::Package& package : packages) {
    std::vector<std::string> built;
    for (const oci::Platform& platform : platforms_of(package, options)) {
      package::build_package(package, platform, locations, context.store(), context.reporter(), options.package);
      built.push_back(platform.to_string());
    }
    text += package.name + "\n";
    objects.push_back(Fields{}.add("image", package.name).add("platforms", std::move(built)));
  }
  context.result(text, Fields{}.add("packages", std::move(objects)));
  return 0;
}

int run_show_tag(Context& context, const PkgOptions& options) {
  const package::Locations locations = package_locations(context);
  std::string text;
  std::vector<std::string> names;
  for (const std::string& directory : options.directories) {
    const package::Package package = open(directory, locations, options);
    names.push_back(options.canonical ? package.reference.canonical() : package.name);
    text += names.back() + "\n";
  }
  context.result(text, Fields{}.add("images", std::move(names)));
  return 0;
}

void add_common_options(CLI::App& command, PkgOptions& options) {
  command.add_option("DIR", options.directories, "Directories with a build.yml, or @kiln:NAME")->required();
  command.add_option("--org", options.package.org, "Organisation instead of build.yml's")->envname("LINUXKIT_PKG_ORG");
  command.add_option("--hash", options.package.hash, "Hash instead of the one of the content");
  command.add_option("--tag", options.package.tag, "Tag instead of build.yml's; {{.Hash}} stands for the hash");
  command.add_option("--build-yml", options.package.build_yml, "Name of the file with the recipe")
      ->capture_default_str();
}

}  // namespace

void add_pkg(CLI::App& program, Context& context) {
  CLI::App* pkg = program.add_subcommand("pkg", "Make packages: images built from Debian's packages");
  pkg->require_subcommand(1);
  auto options = std::make_shared<PkgOptions>();

  CLI::App* build = pkg->add_subcommand("build", "Build packages into the store, unless they are there");
  add_common_options(*build, *options);
  build->add_option("--platforms", options->platforms, "For which platforms; by default all the package lists")
      ->delimiter(',')
      ->type_name("LIST")
      ->allow_extra_args(false);
  build->add_flag("--force", options->package.force, "Build again what the store has");
  on_run(*build, [&context, options] { return run_build(context, *options); });

  CLI::App* show_tag = pkg->add_subcommand("show-tag", "Print the names of packages' images");
  add_common_options(*show_tag, *options);
  show_tag->add_flag("--canonical", options->canonical, "Print full names, with the registry");
  on_run(*show_tag, [&context, options] { return run_show_tag(context, *options); });
}

}  // namespace kiln::cli
