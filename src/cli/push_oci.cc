#include <CLI/CLI.hpp>

#include "base/human.h"
#include "base/thread_pool.h"
#include "cli/context.h"
#include "cli/images.h"
#include "cli/push.h"
#include "cli/verbs.h"
#include "oci/registry.h"
#include "oci/store.h"
#include "publish/ipxe_set.h"
#include "publish/os_push.h"

namespace kiln::cli {
namespace {

std::vector<publish::BootParts> load_systems(Context& context, const PushOsOptions& options) {
  std::vector<std::string> architectures = options.architectures;
  if (architectures.empty()) architectures.emplace_back();
  std::vector<publish::BootParts> systems;
  for (const std::string& text : architectures) {
    const std::string architecture = publish::go_architecture(text);
    systems.push_back(load_boot_source(context, options.source, architecture));
    publish::check_architecture(systems.back().architecture, architecture);
  }
  return systems;
}

void show(Context& context, const oci::Reference& reference, const std::string& base_url,
          const publish::PushedOs& pushed) {
  const std::string digest = pushed.descriptor.digest.to_string();
  std::string text = concat(reference.canonical(), " ", digest, "\n", "  ", pushed.sent, " of ", pushed.blobs,
                            " blobs sent, ", human_size(pushed.sent_bytes), "\n");
  std::vector<Fields> systems;
  for (const publish::OsArtifact& artifact : pushed.artifacts) {
    const std::string script = concat(base_url, "/blobs/", artifact.script->digest.to_string());
    text += concat("  ", artifact.architecture, ": ", artifact.initramfs.size(), " segments; script ", script, "\n");
    systems.push_back(Fields{}
                          .add("architecture", artifact.architecture)
                          .add("segments", std::uint64_t{artifact.initramfs.size()})
                          .add("script", script));
  }
  Fields object;
  object.add("name", reference.canonical()).add("digest", digest).add("blobs", pushed.blobs);
  object.add("sent", pushed.sent).add("sent_bytes", pushed.sent_bytes).add("systems", std::move(systems));
  context.result(text, object);
}

}  // namespace

int push_os(Context& context, const PushOsOptions& options) {
  constexpr unsigned kTransfers = 4;
  const oci::Reference reference = oci::Reference::parse(options.reference);
  const std::vector<publish::BootParts> systems = load_systems(context, options);
  oci::HttpRegistry registry{push_registry_options(context)};
  ThreadPool uploads{kTransfers};
  const TempDir scratch{context.store().derived_directory("scratch")};
  const publish::PushedOs pushed =
      publish::push_os(systems, reference, registry, uploads, scratch.path(), context.reporter());
  show(context, reference, registry.base_url(reference), pushed);
  return 0;
}

void add_push_oci(CLI::App& push, Context& context) {
  CLI::App* command =
      push.add_subcommand("oci", "Store an operating system in a registry, from which iPXE can boot it");
  auto options = std::make_shared<PushOsOptions>();
  command->add_option("REFERENCE", options->reference, "Where to: registry.example.org/team/os:1")->required();
  add_boot_source(*command, options->source);
  command
      ->add_option("--arch", options->architectures,
                   "Architecture; several of them, when YAML is built, become an index; repeatable")
      ->type_name("ARCH")
      ->allow_extra_args(false);
  on_run(*command, [&context, options] {
    if (options->source.words.empty()) throw Error{"what to push is missing: expected a prefix or YAML files"};
    return push_os(context, *options);
  });
}

}  // namespace kiln::cli
