#include <CLI/CLI.hpp>

#include "base/human.h"
#include "cli/boot_source.h"
#include "cli/context.h"
#include "cli/images.h"
#include "cli/push.h"
#include "cli/script_options.h"
#include "cli/verbs.h"
#include "oci/store.h"
#include "publish/ipxe_script.h"
#include "publish/ipxe_set.h"

namespace kiln::cli {
namespace {

struct PushIpxeOptions {
  BootSource source;
  ScriptOptions script;
  std::string base_url, name, architecture, destination, s3_endpoint, s3_region;
  publish::IpxeNames names;
  bool decompress = false;
};

void add_common_options(CLI::App& command, PushIpxeOptions& options) {
  add_boot_source(command, options.source);
  command
      .add_option("--destination", options.destination,
                  "Directory, or URL: file:, http:, https: (PUT, WebDAV), s3://BUCKET/PREFIX, oci://REFERENCE")
      ->type_name("WHERE")
      ->required();
  command
      .add_option("--arch", options.architecture,
                  "Architecture: what is built of a YAML file; otherwise it is seen from the kernel, and must be this")
      ->type_name("ARCH");
  command.add_option("--s3-endpoint", options.s3_endpoint, "URL of an S3-compatible server (AWS_ENDPOINT_URL)")
      ->type_name("URL");
  command.add_option("--s3-region", options.s3_region, "Region of the bucket (AWS_REGION; us-east-1)")
      ->type_name("REGION");
}

publish::DestinationOptions destination_options(Context& context, const PushIpxeOptions& options) {
  publish::DestinationOptions out = publish::destination_options_of_environment();
  static_cast<http::ClientOptions&>(out.http) = registry_options(context);
  if (!options.s3_endpoint.empty()) out.s3_endpoint = options.s3_endpoint;
  if (!options.s3_region.empty()) out.s3_region = options.s3_region;
  return out;
}

void show(Context& context, const std::vector<publish::PublishedFile>& files) {
  std::string text;
  std::vector<Fields> objects;
  for (const publish::PublishedFile& file : files) {
    text += concat(file.location, "  ", human_size(file.size), "\n");
    objects.push_back(Fields{}.add("location", file.location).add("size", file.size));
  }
  context.result(text, Fields{}.add("files", std::move(objects)));
}

using MakeScript = std::function<std::string(const std::string& architecture, const std::string& cmdline)>;

int publish_set(Context& context, const PushIpxeOptions& options, const MakeScript& make_script) {
  const publish::DestinationOptions where = destination_options(context, options);
  publish::IpxeSetOptions set{options.names, options.architecture, options.decompress, {}};
  const publish::BootParts parts = load_boot_source(context, options.source, options.architecture);
  set.script = [&](const std::string& architecture) { return make_script(architecture, parts.cmdline); };
  const auto destination = publish::make_destination(options.destination, where);
  const TempDir scratch{context.store().derived_directory("scratch")};
  show(context, publish::publish_ipxe_set(parts, set, *destination, scratch.path(), context.reporter()));
  return 0;
}

int run_push_ipxe(Context& context, PushIpxeOptions options) {
  if (options.source.words.empty()) throw Error{"what to publish is missing: expected a prefix or YAML files"};
  constexpr std::string_view kOci = "oci://";
  if (options.destination.starts_with(kOci)) {
    if (!options.base_url.empty()) throw Error{"--base-url: a registry has URLs of its own"};
    return push_os(context, {options.destination.substr(kOci.size()), options.source, {options.architecture}});
  }
  if (options.base_url.empty()) {
    if (!options.destination.starts_with("http")) {
      throw Error{"--base-url is missing: the URL under which machines will find what is in ",
                  quote(options.destination)};
    }
    options.base_url = options.destination;
  }
  const std::string name = options.name.empty() ? name_of(options.source) : options.name;
  if (options.names.kernel.empty()) options.names.kernel = name + "-kernel";
  if (options.names.initrd.empty()) options.names.initrd = name + "-initrd.img";
  if (options.names.script.empty()) options.names.script = name + ".ipxe";
  return publish_set(context, options, [&](const std::string& architecture, const std::string& cmdline) {
    publish::IpxeScript script;
    script.architecture = architecture;
    script.base_url = options.base_url;
    script.kernel = {options.names.kernel, ""};
    script.initrds = {{options.names.initrd, ""}};
    script.cmdline = cmdline;
    options.script.apply(script);
    return publish::to_text(script);
  });
}

int run_push_equinixmetal(Context& context, PushIpxeOptions options) {
  if (options.source.words.empty()) options.source.words = {"equinixmetal"};
  const std::string name = options.name.empty() ? name_of(options.source) : options.name;
  options.names = {name + "-kernel", name + "-initrd.img", name + "-equinixmetal.ipxe"};
  return publish_set(context, options, [&](const std::string& architecture, const std::string& cmdline) {
    return publish::to_text(publish::LinuxKitScript{architecture, options.base_url, name, cmdline});
  });
}

}  // namespace

void add_push_ipxe(CLI::App& push, Context& context) {
  CLI::App* command = push.add_subcommand("ipxe", "Publish kernel, initramfs and script for iPXE");
  auto options = std::make_shared<PushIpxeOptions>();
  add_common_options(*command, *options);
  command
      ->add_option("--base-url", options->base_url,
                   "URL under which machines find the files; by default an http(s) destination itself")
      ->type_name("URL");
  command->add_option("--img-name,--name", options->name, "NAME of NAME-kernel, NAME-initrd.img and NAME.ipxe")
      ->type_name("NAME");
  command->add_option("--kernel-name", options->names.kernel, "Another name for the kernel's file, as arm64-bzImage")
      ->type_name("FILE");
  command->add_option("--initrd-name", options->names.initrd, "Another name for the initramfs")->type_name("FILE");
  command->add_option("--script-name", options->names.script, "Another name for the script")->type_name("FILE");
  command->add_flag("--decompress", options->decompress,
                    "Also decompress the initramfs; the kernel is always unpacked where iPXE needs that");
  add_script_options(*command, options->script);
  on_run(*command, [&context, options] { return run_push_ipxe(context, *options); });
}

void add_push_equinixmetal(CLI::App& push, Context& context) {
  for (const char* verb : {"equinixmetal", "packet"}) {
    CLI::App* command =
        push.add_subcommand(verb, "Publish for iPXE with the names and the script that LinuxKit writes");
    auto options = std::make_shared<PushIpxeOptions>();
    add_common_options(*command, *options);
    command->add_option("--base-url", options->base_url, "URL under which machines find the files (METAL_BASE_URL)")
        ->type_name("URL")
        ->envname("METAL_BASE_URL")
        ->required();
    command->add_option("--img-name", options->name, "NAME of NAME-kernel, NAME-initrd.img, … (METAL_NAME)")
        ->type_name("NAME")
        ->envname("METAL_NAME");
    command->add_flag("--decompress", options->decompress,
                      "Also decompress the initramfs; the kernel is always unpacked where iPXE needs that");
    on_run(*command, [&context, options] { return run_push_equinixmetal(context, *options); });
  }
}

}  // namespace kiln::cli
