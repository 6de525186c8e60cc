#include "cli/pkg.h"

#include <CLI/CLI.hpp>

#include "cli/context.h"
#include "cli/images.h"
#include "cli/verbs.h"

namespace kiln::cli {
namespace {

struct ShowTagOptions : PkgOptions {
  bool canonical = false;
};

int run_show_tag(Context& context, const ShowTagOptions& options) {
  const package::Locations locations = package_locations(context);
  std::string text;
  std::vector<std::string> names;
  for (const std::string& directory : options.directories) {
    const package::Package package = open_package(directory, locations, options);
    names.push_back(options.canonical ? package.reference.canonical() : package.name);
    text += names.back() + "\n";
  }
  context.result(text, Fields{}.add("images", std::move(names)));
  return 0;
}

}  // namespace

void add_package_options(CLI::App& command, PkgOptions& options, bool many) {
  CLI::Option* directories =
      command.add_option("DIR", options.directories, "Directories with a build.yml, or @kiln:NAME")->required();
  if (!many) directories->expected(1);
  package::PackageOptions& package = options.package;
  command.add_option("--org", package.org, "Organisation instead of build.yml's")->envname("LINUXKIT_PKG_ORG");
  command.add_option("--build-yml", package.build_yml, "Name of the file that describes the package")
      ->capture_default_str();
  command.add_option("--hash", package.hash, "Hash instead of the one of the content");
  command.add_option("--hash-commit", package.hash_commit, "Commit whose tree gives the hash")->capture_default_str();
  command.add_option("--hash-path", package.hash_path,
                     "Directory whose tree gives the hash: the package's or one above");
  command.add_option("--tag", package.tag, "Tag instead of build.yml's; {{.Hash}} stands for the hash");
  command.add_flag("--force-dirty", package.force_dirty, "As if the package had changes that are not committed");
  command.add_flag("--dev", package.dev, "Organisation $USER and hash 'dev'");
  CLI::Option* disable = command.add_flag("--disable-cache", options.disable_cache, "Use no results of earlier builds");
  command.add_flag("--enable-cache", options.enable_cache, "Use them, whatever build.yml says")->excludes(disable);
  CLI::Option* network = command.add_flag("--network", options.network, "Let RUN use the network");
  command.add_flag("--nonetwork", options.no_network, "Do not, whatever build.yml says")->excludes(network);
  command
      .add_option("--registry-creds", options.logins,
                  "Log in with REGISTRY=USER:PASSWORD or REGISTRY=TOKEN; repeatable")
      ->delimiter(',')
      ->type_name("LOGIN")
      ->allow_extra_args(false);
}

package::Package open_package(const std::string& directory, const package::Locations& locations,
                              const PkgOptions& options) {
  package::PackageOptions package = options.package;
  if (options.disable_cache || options.enable_cache) package.cache = options.enable_cache;
  if (options.network || options.no_network) package.network = options.network;
  constexpr std::string_view kShipped = "@kiln:";
  if (!directory.starts_with(kShipped)) return package::open_package(directory, locations, package);
  return package::open_package(locations.recipes / directory.substr(kShipped.size()), locations, package);
}

void add_pkg_show_tag(CLI::App& pkg, Context& context) {
  CLI::App* command = pkg.add_subcommand("show-tag", "Print the names of packages' images");
  auto options = std::make_shared<ShowTagOptions>();
  add_package_options(*command, *options);
  command->add_flag("--canonical", options->canonical, "Print full names, with the registry");
  on_run(*command, [&context, options] { return run_show_tag(context, *options); });
}

void add_pkg(CLI::App& program, Context& context) {
  CLI::App* pkg =
      program.add_subcommand("pkg", "Make packages: images built from Dockerfiles or from Debian's packages");
  pkg->require_subcommand(1);
  add_pkg_build(*pkg, context);
  add_pkg_show_tag(*pkg, context);
  add_pkg_manifest(*pkg, context);
  add_pkg_remote_tag(*pkg, context);
  add_pkg_builder(*pkg, context);
}

}  // namespace kiln::cli
