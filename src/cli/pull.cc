#include <CLI/CLI.hpp>

#include "cli/context.h"
#include "cli/images.h"
#include "cli/os_registry.h"
#include "cli/verbs.h"
#include "oci/store_use.h"

namespace kiln::cli {
namespace {

struct PullOptions {
  std::vector<std::string> references, platforms;
};

int run_pull(Context& context, const PullOptions& options) {
  if (options.references.empty()) throw Error{"what to pull is missing: expected images, or oci and a reference"};
  std::vector<oci::Reference> references;
  for (const std::string& text : options.references) references.push_back(oci::Reference::parse(text));
  std::vector<oci::Platform> platforms;
  for (const std::string& text : options.platforms) platforms.push_back(oci::Platform::parse(text));
  if (platforms.empty()) platforms.push_back(oci::Platform::of_host());

  const auto use = oci::use_store(context.store());
  const build::ImageFetcher fetch = image_fetcher(context, true);
  std::string text;
  std::vector<Fields> images;
  for (const oci::Reference& reference : references) {
    for (const oci::Platform& platform : platforms) {
      const oci::Image image = fetch(reference, platform);
      const std::string digest = image.descriptor.digest.to_string();
      text += concat(reference.canonical(), " ", platform.to_string(), " ", digest, "\n");
      images.push_back(
          Fields{}.add("name", reference.canonical()).add("platform", platform.to_string()).add("digest", digest));
    }
  }
  context.result(text, Fields{}.add("images", std::move(images)));
  return 0;
}

}  // namespace

void add_pull(CLI::App& program, Context& context) {
  CLI::App* command =
      program.add_subcommand("pull", "Fetch images from their registries into the cache, or an operating system");
  auto options = std::make_shared<PullOptions>();
  command->add_option("IMAGE", options->references, "References: nginx:1.27, registry.example.org/team/app@sha256:…");
  command->add_option("--platform,--arch", options->platforms, "Only for these; by default this machine's; repeatable")
      ->type_name("OS/ARCH")
      ->allow_extra_args(false);
  add_pull_oci(*command, context);
  on_run(*command, [&context, options] { return run_pull(context, *options); });
}

}  // namespace kiln::cli
