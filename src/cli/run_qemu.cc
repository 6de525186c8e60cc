#include <unistd.h>

#include <CLI/CLI.hpp>

#include "base/clock.h"
#include "base/file.h"
#include "cli/context.h"
#include "cli/os_registry.h"
#include "cli/run.h"
#include "cli/verbs.h"
#include "machine/ending.h"
#include "machine/qemu.h"

namespace kiln::cli {
namespace {

struct RunOptions {
  machine::QemuOptions qemu;
  std::vector<std::string> words;  // [qemu] NAME
};

void add_machine_options(CLI::App& command, machine::QemuOptions& options) {
  const auto repeatable = [&command](const char* name, std::vector<std::string>& into, const char* help) {
    return command.add_option(name, into, help)->allow_extra_args(false);
  };
  command.add_option("--cpus", options.cpus, "Processors")->type_name("N")->capture_default_str();
  command.add_option("--mem", options.memory, "Memory: a number of MiB, or with a unit: 512M, 2G")
      ->type_name("SIZE")
      ->capture_default_str();
  repeatable("--disk", options.disks, "A disk: [file=]PATH[,size=1G][,format=qcow2]; made if missing; repeatable")
      ->type_name("SPEC");
  repeatable("--publish", options.publish, "Lead a port of this host, on 127.0.0.1 or ADDRESS, to one of the guest")
      ->type_name("[ADDRESS:]HOST:GUEST[/udp]");
  command.add_option("--networking", options.networking, "user, none, tap,INTERFACE or bridge,INTERFACE")
      ->type_name("MODE")
      ->capture_default_str();
  command.add_option("--state", options.state, "Directory of the machine's disks, address and log (NAME-state)")
      ->type_name("DIR");
  command.add_option("--console-log", options.console_log, "Copy of the console (STATE/console.log)")
      ->type_name("FILE");
  command.add_flag("--detached", options.detached, "Run in the background; the console goes to its log");
  command.add_flag("--no-reboot", options.no_reboot, "End, with status 4, when the guest reboots");
}

void add_qemu_options(CLI::App& command, machine::QemuOptions& options) {
  command.add_option("--arch", options.architecture, "arm64, amd64 or riscv64; by default the kernel's")
      ->type_name("ARCH");
  command.add_option("--accel", options.accelerator, "kvm, tcg (emulation) or kvm:tcg; by default the fastest")
      ->type_name("ACCEL")
      ->envname("LINUXKIT_QEMU_ACCEL");
  command.add_option("--qemu", options.qemu, "The QEMU program")->type_name("PROGRAM");
  command.add_flag("--uefi", options.uefi, "Start the kernel through UEFI firmware");
  command.add_option("--fw", options.firmware, "The UEFI firmware; implies --uefi")->type_name("FILE");
  command.add_flag("--kernel", options.boot.kernel, "Boot NAME-kernel with NAME-initrd.img, whatever else there is");
  command.add_flag("--squashfs", options.boot.squashfs, "Boot NAME-kernel with the root in NAME-squashfs.img");
  command.add_flag("--iso", options.boot.iso, "Boot the file NAME as a CD, whatever its ending");
  CLI::Option* data =
      command.add_option("--data", options.data, "Metadata for the machine, on a CD")->type_name("TEXT");
  command
      .add_option_function<std::string>(
          "--data-file", [&options](const std::string& file) { options.data = read_file(file); },
          "The same from a file")
      ->type_name("FILE")
      ->excludes(data);
  command
      .add_option("--virtiofs", options.shares,
                  "Let the guest mount this directory, as virtiofs0, virtiofs1 …; repeatable")
      ->type_name("DIR")
      ->allow_extra_args(false);
  command.add_option("--virtiofsd", options.virtiofsd, "The program that serves them")->type_name("PROGRAM");
  command.add_flag("--gui", options.gui, "A window with a screen, keyboard and mouse beside the console");
  command.add_flag("--usb", options.usb, "A USB controller");
  command.add_option("--device", options.devices, "A device, as QEMU names it; repeatable")
      ->allow_extra_args(false)
      ->type_name("DEVICE");
}

/// `kiln run NAME` and `kiln run qemu NAME` are the same.
std::string name_to_run(const std::vector<std::string>& words) {
  if (words.empty()) throw CLI::RequiredError{"NAME"};  // a mistake on the command line
  if (words.size() == 1) return words[0];
  if (words[0] != "qemu") {
    throw Error{"no backend ", quote(words[0]), " to run on: expected qemu, redfish, ipmi, packet or equinixmetal"};
  }
  return words[1];
}

void tell_ports(const machine::Machine& machine, Reporter& reporter) {
  for (const machine::PublishedPort& port : machine.network.ports) {
    reporter.info(
        concat("published ", port.address, ":", port.host, " -> guest port ", port.guest, port.udp ? "/udp" : "/tcp"));
  }
}

int start_in_background(const machine::PreparedMachine& prepared, Context& context) {
  const std::string pid = machine::start_detached(prepared);
  const std::string log = prepared.machine.console_log.native();
  tell_ports(prepared.machine, context.reporter());
  Fields object;
  object.add("pid", pid).add("console_log", log).add("qmp", prepared.machine.qmp_path.native());
  context.result(concat("running in the background, process ", pid, "\nconsole: ", log, "\n"), object);
  return 0;
}

/// QEMU ends with 0 however the guest was ended, and knows nothing of panics; those are told all the same.
int qemus_own_status(int status) { return status == machine::exit_status(machine::Ending::panicked) ? 1 : 0; }

int run_in_qemu(RunOptions& options, Context& context) {
  options.qemu.name = name_to_run(options.words);
  if (is_os_url(options.qemu.name)) fetch_os(context, options.qemu);
  const bool on_terminal = ::isatty(STDIN_FILENO) == 1;
  const machine::PreparedMachine prepared = machine::prepare_machine(options.qemu, on_terminal, context.reporter());
  context.reporter().detail(machine::shell_text(prepared));
  if (options.qemu.detached) return start_in_background(prepared, context);
  tell_ports(prepared.machine, context.reporter());
  if (on_terminal) context.reporter().info("console: Ctrl-A X pulls the plug, Ctrl-A H lists more");
  context.end_progress();
  const int status = machine::run_machine(prepared, SteadyClock{}, context.reporter());
  return context.dialect().only_success_matters ? qemus_own_status(status) : status;
}

}  // namespace

void add_run_qemu(CLI::App& run, Context& context) {
  auto options = std::make_shared<RunOptions>();
  options->qemu.publish_address = context.dialect().publish_address;
  // Not required by CLI11: it would also be with another backend, which takes its own.
  run.add_option("name", options->words,
                 "Boots NAME-kernel with NAME-initrd.img and NAME-cmdline, the disk or CD (.iso) NAME, or what\n'kiln "
                 "push oci' stored")
      ->type_name("[qemu] NAME|oci://REFERENCE")
      ->expected(0, 2);
  add_machine_options(run, options->qemu);
  add_qemu_options(run, options->qemu);
  on_run(run, [options, &context] { return run_in_qemu(*options, context); });
}

}  // namespace kiln::cli
