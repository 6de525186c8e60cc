#pragma once

#include <string>
#include <vector>

#include "package/package.h"

namespace CLI {
class App;
}

namespace kiln::cli {

class Context;

/// What every verb of `kiln pkg` takes (spec pkg.md §1.1).
struct PkgOptions {
  std::vector<std::string> directories;
  package::PackageOptions package;
  bool disable_cache = false, enable_cache = false, network = false, no_network = false;
  std::vector<std::string> logins;
};

/// Adds DIR… and the options; `many`: more than one DIR may be given.
void add_package_options(CLI::App& command, PkgOptions& options, bool many = true);

/// DIR, or `@kiln:NAME` for a recipe that ships with Kiln.
package::Package open_package(const std::string& directory, const package::Locations& locations,
                              const PkgOptions& options);

// The verbs, a file each.
void add_pkg_build(CLI::App& pkg, Context& context);
void add_pkg_builder(CLI::App& pkg, Context& context);
void add_pkg_manifest(CLI::App& pkg, Context& context);
void add_pkg_remote_tag(CLI::App& pkg, Context& context);
void add_pkg_show_tag(CLI::App& pkg, Context& context);

}  // namespace kiln::cli
