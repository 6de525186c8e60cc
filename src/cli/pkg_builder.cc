#include <CLI/CLI.hpp>

#include "cli/context.h"
#include "cli/pkg.h"
#include "cli/verbs.h"
#include "package/build.h"

namespace kiln::cli {
namespace {

int run_builder(Context& context, package::EngineOptions options, bool prune) {
  options.storage = package::engine_storage(context.store());
  const auto engine = package::make_engine(options);
  const std::string text = prune ? engine->prune() : engine->disk_usage();
  context.result(text, Fields{}.add("engine", std::string{engine->name()}).add("output", text));
  return 0;
}

void add_builder_verb(CLI::App& builder, Context& context, const char* name, const char* help, bool prune) {
  CLI::App* command = builder.add_subcommand(name, help);
  auto options = std::make_shared<package::EngineOptions>();
  auto builders = std::make_shared<std::vector<std::string>>();
  command->add_option("--engine", options->name, "buildah, podman, docker or buildctl")->envname("KILN_ENGINE");
  command->add_option("--builder-name", options->builder.name, "Of docker's builder")
      ->envname("LINUXKIT_BUILDER_NAME")
      ->capture_default_str();
  command->add_option("--builder-image", options->builder.image, "Of docker's builder")
      ->envname("LINUXKIT_BUILDER_IMAGE")
      ->capture_default_str();
  command->add_option("--builders", *builders, "Docker contexts by platform")
      ->delimiter(',')
      ->envname("LINUXKIT_BUILDERS");
  on_run(*command, [&context, options, prune] { return run_builder(context, *options, prune); });
}

}  // namespace

void add_pkg_builder(CLI::App& pkg, Context& context) {
  CLI::App* builder = pkg.add_subcommand("builder", "What the builder of Dockerfiles keeps to be faster next time");
  builder->require_subcommand(1);
  add_builder_verb(*builder, context, "du", "Show it", false);
  add_builder_verb(*builder, context, "prune", "Remove it", true);
}

}  // namespace kiln::cli
