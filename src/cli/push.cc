#include "oci/push.h"

#include <CLI/CLI.hpp>

#include "cli/context.h"
#include "cli/images.h"
#include "cli/push.h"
#include "cli/verbs.h"
#include "oci/store_use.h"

namespace kiln::cli {
namespace {

struct PushImageOptions {
  std::string name, target;
  std::vector<std::string> platforms;
};

int run_push(Context& context, const PushImageOptions& options) {
  if (options.name.empty()) {
    throw Error{"what to push is missing: expected an image, or ipxe, oci, equinixmetal or packet"};
  }
  constexpr unsigned kTransfers = 4;
  const oci::Reference name = oci::Reference::parse(options.name);
  const oci::Reference target = options.target.empty() ? name : oci::Reference::parse(options.target);
  oci::PushOptions push;
  for (const std::string& text : options.platforms) push.platforms.push_back(oci::Platform::parse(text));
  const auto use = oci::use_store(context.store());
  oci::HttpRegistry registry{push_registry_options(context)};
  ThreadPool uploads{kTransfers};
  const oci::Descriptor pushed =
      oci::push_image(context.store(), name, target, registry, uploads, context.reporter(), push);
  const std::string digest = pushed.digest.to_string();
  context.result(concat(target.canonical(), " ", digest, "\n"),
                 Fields{}.add("name", target.canonical()).add("digest", digest));
  return 0;
}

}  // namespace

void add_push(CLI::App& program, Context& context) {
  CLI::App* command = program.add_subcommand("push", "Send an image to a registry, or publish an operating system");
  auto options = std::make_shared<PushImageOptions>();
  command->add_option("IMAGE", options->name, "The image, as 'kiln cache ls' names it");
  command->add_option("TARGET", options->target, "Where to, if not under its own name");
  command->add_option("--platform,--arch", options->platforms, "Only these of its platforms; repeatable")
      ->type_name("OS/ARCH")
      ->allow_extra_args(false);
  add_push_ipxe(*command, context);
  add_push_oci(*command, context);
  add_push_equinixmetal(*command, context);
  on_run(*command, [&context, options] { return run_push(context, *options); });
}

}  // namespace kiln::cli
