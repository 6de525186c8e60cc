#include <CLI/CLI.hpp>

#include "cli/context.h"
#include "cli/images.h"
#include "cli/script_options.h"
#include "cli/verbs.h"
#include "oci/registry.h"
#include "publish/os_pull.h"

namespace kiln::cli {
namespace {

struct IpxeOptions {
  std::string reference, architecture, registry_url;
  ScriptOptions script;
};

/// Of the repository's blobs, as the machines that boot reach the registry.
std::string blobs_url(const IpxeOptions& options, const oci::Reference& reference, oci::HttpRegistry& registry) {
  if (options.registry_url.empty()) return registry.base_url(reference) + "/blobs";
  std::string url = options.registry_url;
  while (url.ends_with('/')) url.pop_back();
  return concat(url, "/v2/", reference.repository(), "/blobs");
}

int run_ipxe(Context& context, const IpxeOptions& options) {
  constexpr std::string_view kScheme = "oci://";
  const bool is_url = options.reference.starts_with(kScheme);
  const oci::Reference reference =
      oci::Reference::parse(is_url ? options.reference.substr(kScheme.size()) : options.reference);
  oci::HttpRegistry registry{registry_options(context)};
  const publish::RemoteOs os = publish::find_os(reference, options.architecture, registry);
  publish::IpxeScript script = publish::script_of(os.artifact, os.cmdline);
  script.base_url = blobs_url(options, reference, registry);
  options.script.apply(script);
  const std::string text = publish::to_text(script);
  context.result(text, Fields{}.add("architecture", os.artifact.architecture).add("script", text));
  return 0;
}

}  // namespace

void add_ipxe(CLI::App& program, Context& context) {
  CLI::App* command = program.add_subcommand("ipxe", "Print the iPXE script that boots straight from a registry");
  auto options = std::make_shared<IpxeOptions>();
  command->add_option("REFERENCE", options->reference, "What 'kiln push oci' stored: registry.example.org/team/os:1")
      ->required();
  command->add_option("--arch", options->architecture, "Which architecture, if there are several")->type_name("ARCH");
  command
      ->add_option("--registry-url", options->registry_url,
                   "The registry as the machines reach it, if that is another URL: http://10.0.0.1:5000")
      ->type_name("URL");
  add_script_options(*command, options->script);
  on_run(*command, [&context, options] { return run_ipxe(context, *options); });
}

}  // namespace kiln::cli
