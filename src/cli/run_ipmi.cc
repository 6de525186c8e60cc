#include <CLI/CLI.hpp>

#include "base/human.h"
#include "cli/context.h"
#include "cli/run.h"
#include "cli/verbs.h"
#include "machine/ipmi/ipmitool.h"
#include "machine/remote/secret.h"
#include "machine/remote/watch.h"

namespace kiln::cli {
namespace {

using namespace std::chrono_literals;
using machine::ipmi::BootDevice;

constexpr auto kBetweenLooks = 5s;

struct IpmiOptions {
  machine::ipmi::Bmc bmc;
  BootDevice device = BootDevice::pxe;
  std::string password_file;
  std::string timeout = "3m";
  bool console = true;
};

const std::map<std::string, BootDevice> kDevices{{"pxe", BootDevice::pxe}, {"cdrom", BootDevice::cdrom}};

int show_console(machine::ipmi::Ipmitool& tool, const machine::ipmi::Bmc& bmc, machine::SignalWaiter& waiter,
                 Reporter& reporter) {
  tool.close_console();
  reporter.info("console by IPMI: ~. at the beginning of a line leaves it");
  int status = 0;
  {
    const machine::Watch watch{[&tool] { return !tool.is_on(); }, kBetweenLooks};
    status = machine::follow_console(machine::ipmi::sol_program(bmc), waiter, watch.fd(), reporter);
  }
  tool.close_console();  // ipmitool was ended without a word to the BMC
  return status;
}

int boot(const IpmiOptions& options, machine::SignalWaiter& waiter, Reporter& reporter) {
  machine::ipmi::SystemRunner runner;
  machine::ipmi::Ipmitool tool{options.bmc, runner};
  tool.boot_once_from(options.device);
  reporter.info(concat("power cycle of the machine of ", printable(options.bmc.host)));
  tool.power_cycle(waiter, parse_timeout(options.timeout));
  if (options.console) return show_console(tool, options.bmc, waiter, reporter);
  reporter.info("the machine is on");
  return 0;
}

int run_ipmi(IpmiOptions& options, const CLI::App& command, Context& context) {
  refuse_qemu_options(command);
  machine::ipmi::require_ipmitool();
  options.bmc.password =
      machine::read_secret({concat("password of ", printable(options.bmc.user), " on ", printable(options.bmc.host)),
                            options.password_file,
                            {"KILN_BMC_PASSWORD", "IPMI_PASSWORD"},
                            "--password-file"});
  Reporter& reporter = context.reporter();
  context.end_progress();
  machine::SignalWaiter waiter;
  try {
    return boot(options, waiter, reporter);
  } catch (const machine::Interrupted& interrupted) {
    return interrupted.exit_status();
  }
}

}  // namespace

void add_run_ipmi(CLI::App& run, Context& context) {
  CLI::App* command = add_backend(run, "ipmi", "Boot a server through its BMC by IPMI, with ipmitool");
  auto options = std::make_shared<IpmiOptions>();
  machine::ipmi::Bmc& bmc = options->bmc;
  command->add_option("--bmc", bmc.host, "The BMC")->type_name("HOST")->envname("KILN_BMC")->required();
  command->add_option("--port", bmc.port, "Its UDP port")->check(CLI::Range(1U, 65535U))->capture_default_str();
  command->add_option("--user", bmc.user, "The account there")->envname("KILN_BMC_USER")->required();
  command
      ->add_option("--password-file", options->password_file,
                   "Its password is the first line; by default KILN_BMC_PASSWORD or IPMI_PASSWORD, or it is asked for")
      ->type_name("FILE");
  command->add_option("--interface", bmc.interface, "ipmitool's -I: lanplus, or lan for IPMI 1.5")
      ->type_name("NAME")
      ->capture_default_str();
  command->add_option("--cipher-suite", bmc.cipher_suite, "ipmitool's -C: 3, 17 …")->type_name("NUMBER");
  command->add_option("--boot", options->device, "pxe, or cdrom")
      ->transform(CLI::CheckedTransformer(kDevices))
      ->type_name("DEVICE")
      ->default_str("pxe");
  command->add_flag_callback(
      "--pxe", [] {}, "Boot by PXE: the default");
  command->add_option("--timeout", options->timeout, "How long the machine may take to be on: 90s, 3m")
      ->type_name("TIME")
      ->capture_default_str();
  command->add_flag("--console,!--no-console", options->console, "Show the serial console: the default");
  on_run(*command, [options, command, &context] { return run_ipmi(*options, *command, context); });
}

}  // namespace kiln::cli
