#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <optional>

#include "base/file.h"
#include "base/human.h"
#include "cli/boot_file_server.h"
#include "cli/context.h"
#include "cli/run.h"
#include "cli/verbs.h"
#include "http/endpoint.h"
#include "machine/boot_files.h"
#include "machine/packet/run.h"
#include "machine/remote/checks.h"
#include "machine/remote/secret.h"
#include "publish/boot_kernel.h"
#include "publish/ipxe_script.h"

namespace kiln::cli {
namespace {

namespace fs = std::filesystem;

struct PacketOptions {
  machine::packet::Options packet;
  machine::TlsOptions tls;
  std::string name, image_name, base_url, serve, script;
  std::string api_key, api_key_file, userdata_file, timeout = "30m";
};

/// The architecture of a plan's machines as far as its name tells; those of the API do not say it otherwise.
std::string architecture_of_plan(std::string_view plan) {
  if (plan.find("arm") != std::string_view::npos || plan.starts_with("baremetal_2a")) return "arm64";
  if (plan.find("x86") != std::string_view::npos || plan.starts_with("baremetal_")) return "amd64";
  return {};
}

void check_plan(const PacketOptions& options, const machine::SystemToBoot& system) {
  const std::string& plan = options.packet.wanted.plan;
  machine::check_suits(system, {concat("plan ", quote(plan)), architecture_of_plan(plan), 0});
}

/// NAME's files and the script for them, served from here.
class Served {
 public:
  Served(const PacketOptions& options, Reporter& reporter) {
    const machine::BootFiles files = machine::find_boot_files(options.name);
    const publish::BootKernel kernel = publish::make_boot_kernel(files.kernel, directory_.path());
    const std::string& image = options.image_name;
    publish::IpxeScript script;
    script.architecture = kernel.architecture;
    script.base_url = options.base_url;
    script.kernel = {image + "-kernel", {}};
    script.initrds = {{image + "-initrd.img", {}}};
    script.cmdline = files.cmdline;
    while (script.cmdline.ends_with('\n')) script.cmdline.pop_back();
    server_.emplace(options.serve,
                    std::map<std::string, fs::path>{{"/" + image + "-kernel", kernel.path},
                                                    {"/" + image + "-initrd.img", files.initrd}},
                    std::map<std::string, std::string>{{"/" + options.script, publish::to_text(script)}}, reporter);
    reporter.info(concat("serving ", printable(options.name), " at ", server_->endpoint().to_string()));
  }

 private:
  TempDir directory_;
  std::optional<BootFileServer> server_;
};

void check_urls(const PacketOptions& options) {
  machine::HttpTransport transport{options.base_url, options.tls};
  for (const std::string& file : {options.script, options.image_name + "-kernel", options.image_name + "-initrd.img"}) {
    machine::check_url(transport, concat(options.base_url, "/", file), "--base-url");
  }
}

/// What --serve alone is enough for: an address that the machine can reach too.
std::string base_url_of(const PacketOptions& options) {
  if (!options.base_url.empty()) return options.base_url;
  if (options.serve.empty()) {
    throw Error{"there is no --base-url: where the machine finds ", options.image_name, "-kernel and the rest"}
        .with_hint("'kiln push ipxe' puts them there; or serve them from here with --serve");
  }
  const http::Endpoint endpoint = http::Endpoint::parse(options.serve);
  if (!endpoint.host.empty() && endpoint.port != 0) return concat("http://", endpoint.to_string());
  throw Error{"--serve ", quote(options.serve), " does not say by which address the machine reaches this host"}
      .with_hint("give --base-url http://ADDRESS:PORT as well");
}

std::string default_hostname() {
  const char* user = std::getenv("USER");
  return concat(user != nullptr && *user != '\0' ? user : "kiln", "-linuxkit");
}

std::string token_of(const PacketOptions& options, Reporter& reporter) {
  if (!options.api_key.empty()) {
    reporter.warning(
        "--api-key on the command line can be read by every user of this host: METAL_API_TOKEN and --api-key-file "
        "cannot");
    return options.api_key;
  }
  return machine::read_secret({"API token",
                               options.api_key_file,
                               {"METAL_API_TOKEN", "METAL_AUTH_TOKEN", "PACKET_AUTH_TOKEN"},
                               "--api-key-file"});
}

/// Checks all of it and fills in what follows from the rest.
void complete(PacketOptions& options, Reporter& reporter) {
  machine::packet::Options& packet = options.packet;
  if (packet.api_url.empty()) {
    throw Error{
        "there is no --api-url: the provider that ran this API, Packet (later Equinix Metal), shut down in 2026"}
        .with_hint("give the address of a service that speaks it, or boot a server of your own: kiln run redfish");
  }
  machine::check_api_url(packet.api_url, options.tls.insecure, "--api-url");
  if (!packet.console && !packet.keep && options.serve.empty()) {
    throw Error{"with --console=false and without --keep the device would be deleted before anybody has used it"}
        .with_hint("add --keep");
  }
  if (packet.device.empty() && packet.project.empty()) {
    throw Error{"there is no --project-id (or METAL_PROJECT_ID) for the new device to belong to"};
  }
  if (options.image_name.empty()) options.image_name = fs::path{options.name}.filename();
  if (options.script.empty()) options.script = options.image_name + "-equinixmetal.ipxe";
  options.base_url = base_url_of(options);
  while (options.base_url.ends_with('/')) options.base_url.pop_back();
  publish::check_script_url(options.base_url, "--base-url");
  packet.wanted.ipxe_script_url = concat(options.base_url, "/", options.script);
  packet.patience = parse_timeout(options.timeout);
  if (packet.device.empty() && packet.wanted.hostname.empty()) packet.wanted.hostname = default_hostname();
  if (!options.userdata_file.empty()) packet.wanted.userdata = read_file(options.userdata_file, 1 << 20);
  packet.token = token_of(options, reporter);
}

int boot(PacketOptions& options, Context& context) {
  Reporter& reporter = context.reporter();
  complete(options, reporter);
  const bool local = fs::exists(options.name + "-kernel");
  if (local || !options.serve.empty()) {
    const machine::SystemToBoot system = machine::describe_system(options.name);
    if (options.packet.device.empty()) check_plan(options, system);
  }
  if (options.serve.empty()) check_urls(options);
  context.end_progress();
  machine::SignalWaiter waiter;
  std::optional<Served> served;
  if (!options.serve.empty()) served.emplace(options, reporter);
  machine::HttpTransport transport{options.packet.api_url, options.tls};
  try {
    return machine::packet::run(options.packet, served.has_value(), transport, waiter, reporter);
  } catch (const machine::Interrupted& interrupted) {
    return interrupted.exit_status();
  }
}

void add_api_options(CLI::App& command, PacketOptions& options) {
  machine::packet::Options& packet = options.packet;
  command.add_option("--api-url", packet.api_url, "The API, with its prefix: https://HOST/metal/v1")
      ->type_name("URL")
      ->envname("METAL_API_URL");
  command.add_option("--api-key", options.api_key, "Its token; better in METAL_API_TOKEN or PACKET_AUTH_TOKEN")
      ->type_name("TOKEN");
  command.add_option("--api-key-file", options.api_key_file, "A file whose first line is the token")->type_name("FILE");
  command.add_option("--project-id", packet.project, "The project of a new device")
      ->type_name("ID")
      ->envname("METAL_PROJECT_ID");
  add_tls_options(command, options.tls);
}

void add_device_options(CLI::App& command, PacketOptions& options) {
  machine::packet::Options& packet = options.packet;
  command.add_option("--device", packet.device, "Use this device, by its id; by default a new one is made")
      ->type_name("ID");
  command.add_option("--machine", packet.wanted.plan, "The plan of a new device")
      ->type_name("PLAN")
      ->envname("METAL_MACHINE")
      ->default_val("baremetal_2a");
  command.add_option("--zone", packet.wanted.facility, "Where it is to be: a facility")
      ->type_name("CODE")
      ->envname("METAL_FACILITY")
      ->default_val("ams1");
  command.add_option("--metro", packet.wanted.metro, "Or a metro, which has several")
      ->type_name("CODE")
      ->envname("METAL_METRO");
  command.add_option("--hostname", packet.wanted.hostname, "Its name; by default USER-linuxkit")
      ->type_name("NAME")
      ->envname("METAL_HOSTNAME");
  command.add_option("--userdata", options.userdata_file, "A file that its metadata service hands out")
      ->type_name("FILE");
  command.add_flag("--always-pxe,!--no-always-pxe", packet.wanted.always_pxe,
                   "Run the script at every boot, not at the first only: the default");
  command.add_flag("--keep,!--no-keep", packet.keep, "Do not delete the device at the end");
  command.add_option("--timeout", options.timeout, "How long it may take to be active: 90s, 30m")
      ->type_name("TIME")
      ->capture_default_str();
}

void add_file_options(CLI::App& command, PacketOptions& options) {
  command.add_option("--base-url", options.base_url, "Where the machine finds the files")
      ->type_name("URL")
      ->envname("METAL_BASE_URL");
  command.add_option("--img-name", options.image_name, "What they are called there; by default NAME")
      ->type_name("NAME")
      ->envname("METAL_NAME");
  command
      .add_option("--script", options.script,
                  "The script's name (IMG-NAME-equinixmetal.ipxe, as 'kiln push packet' writes it)")
      ->type_name("FILE");
  command.add_option("--serve", options.serve, "Serve them from here, with a script made for them")
      ->type_name("[HOST]:PORT");
}

void add_console_options(CLI::App& command, PacketOptions& options) {
  machine::packet::Options& packet = options.packet;
  command.add_flag("--console,!--no-console", packet.console, "Show the serial console, by ssh: the default");
  command.add_option("--sos-host", packet.sos_host, "Where the console is; by default what the API says")
      ->type_name("HOST");
  command.add_option("--sos-port", packet.sos_port, "Its port")->check(CLI::Range(1U, 65535U))->capture_default_str();
  command.add_option("--ssh-option", packet.ssh_options, "An option for ssh's -o; repeatable")
      ->type_name("OPTION")
      ->allow_extra_args(false);
}

void add_backend_named(CLI::App& run, Context& context, const std::string& name, const std::string& help) {
  CLI::App* command = add_backend(run, name, help);
  auto options = std::make_shared<PacketOptions>();
  command->add_option("name", options->name, "Boots NAME-kernel with NAME-initrd.img")->type_name("NAME")->required();
  add_api_options(*command, *options);
  add_device_options(*command, *options);
  add_file_options(*command, *options);
  add_console_options(*command, *options);
  CLI::Option* keep = command->get_option("--keep");
  on_run(*command, [options, keep, command, &context] {
    refuse_qemu_options(*command);
    // A device that was there before stays, unless it is said that it is not to.
    if (!options->packet.device.empty() && keep->count() == 0) options->packet.keep = true;
    return boot(*options, context);
  });
}

}  // namespace

void add_run_packet(CLI::App& run, Context& context) {
  add_backend_named(run, context, "packet", "Boot a server of a provider with Packet's API");
  add_backend_named(run, context, "equinixmetal", "The same, by the API's later name");
}

}  // namespace kiln::cli
