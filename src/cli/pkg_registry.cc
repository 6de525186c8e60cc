#include <CLI/CLI.hpp>

#include "base/file.h"
#include "cli/context.h"
#include "cli/images.h"
#include "cli/pkg.h"
#include "cli/verbs.h"
#include "cli/workshop.h"
#include "oci/retag.h"

namespace kiln::cli {
namespace {

struct ManifestOptions : PkgOptions {
  std::string release;
};

struct RemoteTagOptions {
  std::string from, to, release;
  std::vector<std::string> logins;
};

int run_manifest(Context& context, const ManifestOptions& options) {
  const std::vector<std::string> architectures{"amd64", "arm64", "s390x", "riscv64", "ppc64le"};
  const package::Package package = open_package(options.directories.front(), package_locations(context), options);
  PackageWorkshop workshop{context, options.logins};
  std::vector<oci::Reference> names{package.reference};
  if (!options.release.empty()) {
    names.push_back(oci::Reference::parse(concat(package.repository(), ":", options.release)));
  }
  std::string text;
  std::vector<Fields> objects;
  for (const oci::Reference& name : names) {
    const oci::Tagged made = oci::rebuild_index(name, architectures, workshop.registry(), context.reporter());
    const std::string digest = made.descriptor.digest.to_string();
    text += concat(name.canonical(), " ", digest, "\n");
    objects.push_back(Fields{}.add("name", name.canonical()).add("digest", digest).add("changed", made.changed));
  }
  context.result(text, Fields{}.add("indexes", std::move(objects)));
  return 0;
}

int run_remote_tag(Context& context, const RemoteTagOptions& options) {
  const oci::Reference from = oci::Reference::parse(options.from);
  const oci::Reference to = oci::Reference::parse(options.to);
  PackageWorkshop workshop{context, options.logins};
  const TempDir work;
  const oci::Tagged tagged = oci::retag(from, to, workshop.registry(), context.reporter(), work.path());
  if (!tagged.changed) context.reporter().info(concat(to.canonical(), " is that image already"));
  const std::string digest = tagged.descriptor.digest.to_string();
  context.result(concat(to.canonical(), " ", digest, "\n"),
                 Fields{}.add("name", to.canonical()).add("digest", digest).add("changed", tagged.changed));
  return 0;
}

}  // namespace

void add_pkg_manifest(CLI::App& pkg, Context& context) {
  CLI::App* command =
      pkg.add_subcommand("manifest", "Make a package's index in the registry anew, from its images there");
  command->alias("index");
  auto options = std::make_shared<ManifestOptions>();
  add_package_options(*command, *options, false);
  command->add_option("--release", options->release, "Also the index of this tag");
  on_run(*command, [&context, options] { return run_manifest(context, *options); });
}

void add_pkg_remote_tag(CLI::App& pkg, Context& context) {
  CLI::App* command = pkg.add_subcommand("remote-tag", "Give an image in a registry another name, there or elsewhere");
  auto options = std::make_shared<RemoteTagOptions>();
  command->add_option("FROM", options->from, "The image")->required();
  command->add_option("TO", options->to, "Its other name")->required();
  command->add_option("--release", options->release, "Means nothing; LinuxKit has it");
  command
      ->add_option("--registry-creds", options->logins,
                   "Log in with REGISTRY=USER:PASSWORD or REGISTRY=TOKEN; repeatable")
      ->delimiter(',')
      ->type_name("LOGIN")
      ->allow_extra_args(false);
  on_run(*command, [&context, options] { return run_remote_tag(context, *options); });
}

}  // namespace kiln::cli
