#include <CLI/CLI.hpp>

#include "base/human.h"
#include "cli/context.h"
#include "cli/run.h"
#include "cli/verbs.h"
#include "machine/redfish/run.h"
#include "machine/remote/secret.h"

namespace kiln::cli {
namespace {

using machine::redfish::Authentication;
using machine::redfish::BootSource;
using machine::redfish::ConsoleKind;

struct RedfishOptions {
  machine::redfish::Options redfish;
  machine::TlsOptions tls;
  std::string name, password_file, timeout;
  std::string boot_url, iso;
  bool pxe = false;
};

const std::map<std::string, Authentication> kAuthentications{
    {"auto", Authentication::automatic}, {"session", Authentication::session}, {"basic", Authentication::basic}};
const std::map<std::string, ConsoleKind> kConsoles{{"auto", ConsoleKind::automatic},
                                                   {"ssh", ConsoleKind::ssh},
                                                   {"ipmi", ConsoleKind::ipmi},
                                                   {"none", ConsoleKind::none}};

void add_bmc_options(CLI::App& command, RedfishOptions& options) {
  machine::redfish::Options& redfish = options.redfish;
  command
      .add_option("name", options.name,
                  "What is booted, to check that the machine suits NAME-kernel and NAME-initrd.img")
      ->type_name("[NAME]");
  command.add_option("--bmc", redfish.url, "The BMC")->type_name("https://HOST")->envname("KILN_BMC")->required();
  command.add_option("--user", redfish.login.user, "The account there")->envname("KILN_BMC_USER")->required();
  command
      .add_option("--password-file", options.password_file,
                  "Its password is the first line; by default KILN_BMC_PASSWORD, or it is asked for")
      ->type_name("FILE");
  command.add_option("--auth", redfish.login.authentication, "auto, session or basic")
      ->transform(CLI::CheckedTransformer(kAuthentications))
      ->type_name("HOW")
      ->default_str("auto");
  command.add_option("--system", redfish.system, "Which machine of a BMC that has several: Id or Name")
      ->type_name("ID");
  add_tls_options(command, options.tls);
}

void add_boot_options(CLI::App& command, RedfishOptions& options) {
  command.add_option("--boot-url", options.boot_url, "UEFI HTTP boot of this EFI program, say iPXE or a UKI")
      ->type_name("URL");
  command.add_flag("--pxe", options.pxe, "PXE, from the boot server of the machine's network");
  command.add_option("--iso", options.iso, "A virtual CD with this image")->type_name("URL");
  command.add_flag("--keep", options.redfish.keep_cd, "Leave the virtual CD in its drive at the end");
  command.add_option("--timeout", options.timeout, "How long each step may take: 90s, 15m")->type_name("TIME");
}

void add_console_options(CLI::App& command, RedfishOptions& options) {
  machine::redfish::Options& redfish = options.redfish;
  command.add_option("--console", redfish.console, "auto (what the BMC has), ssh, ipmi or none")
      ->transform(CLI::CheckedTransformer(kConsoles))
      ->type_name("KIND")
      ->default_str("auto");
  command.add_option("--console-host", redfish.console_host, "Where the console is; by default the BMC")
      ->type_name("HOST");
  command.add_option("--console-port", redfish.console_port, "Its port; by default what the BMC says")
      ->type_name("PORT")
      ->check(CLI::Range(1U, 65535U));
  command.add_option("--console-user", redfish.console_user, "The account there; by default that of --user")
      ->type_name("USER");
  command.add_option("--ssh-option", redfish.ssh_options, "An option for ssh's -o; repeatable")
      ->type_name("OPTION")
      ->allow_extra_args(false);
}

BootSource source_of(const RedfishOptions& options) {
  const int given = (options.boot_url.empty() ? 0 : 1) + (options.pxe ? 1 : 0) + (options.iso.empty() ? 0 : 1);
  if (given != 1) throw Error{"expected one of --boot-url URL, --pxe and --iso URL"};
  if (options.pxe) return {BootSource::Kind::pxe, {}};
  if (!options.iso.empty()) return {BootSource::Kind::iso, options.iso};
  return {BootSource::Kind::http, options.boot_url};
}

int run_redfish(RedfishOptions& options, const CLI::App& command, Context& context) {
  refuse_qemu_options(command);
  machine::redfish::Options& redfish = options.redfish;
  if (redfish.url.find("://") == std::string::npos) redfish.url = "https://" + redfish.url;
  machine::check_api_url(redfish.url, options.tls.insecure, "--bmc");
  redfish.source = source_of(options);
  if (!options.timeout.empty()) redfish.patience.power = redfish.patience.boot = parse_timeout(options.timeout);
  if (!options.name.empty()) redfish.os = machine::describe_system(options.name);
  if (!redfish.source.url.empty()) {
    machine::HttpTransport files{redfish.source.url, options.tls};
    machine::check_url(files, redfish.source.url,
                       redfish.source.kind == BootSource::Kind::iso ? "--iso" : "--boot-url");
  }
  redfish.login.password =
      machine::read_secret({concat("password of ", printable(redfish.login.user), " on ", redfish.url),
                            options.password_file,
                            {"KILN_BMC_PASSWORD"},
                            "--password-file"});
  Reporter& reporter = context.reporter();
  context.end_progress();
  machine::SignalWaiter waiter;
  machine::HttpTransport transport{redfish.url, options.tls};
  try {
    return machine::redfish::run(redfish, transport, waiter, reporter);
  } catch (const machine::Interrupted& interrupted) {
    return interrupted.exit_status();
  }
}

}  // namespace

void add_run_redfish(CLI::App& run, Context& context) {
  CLI::App* command = add_backend(run, "redfish", "Boot a server through its BMC's Redfish service");
  auto options = std::make_shared<RedfishOptions>();
  add_bmc_options(*command, *options);
  add_boot_options(*command, *options);
  add_console_options(*command, *options);
  on_run(*command, [options, command, &context] { return run_redfish(*options, *command, context); });
}

}  // namespace kiln::cli
