#include "machine/qemu.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/child_process.h"
#include "base/error.h"
#include "base/file.h"
#include "base/human.h"
#include "machine/accelerator.h"
#include "machine/boot_files.h"
#include "machine/memory_check.h"
#include "machine/size.h"
#include "machine/state.h"

namespace kiln::machine {
namespace {

namespace fs = std::filesystem;

std::string find_qemu(const std::string& requested, const Model& model) {
  if (!requested.empty()) {
    if (requested.find('/') == std::string::npos) {
      if (const auto found = find_program(requested)) return *found;
    } else if (::access(requested.c_str(), X_OK) == 0) {
      return requested;
    }
    throw Error{"--qemu ", quote(requested), ": there is no such program"};
  }
  if (const auto found = find_program(model.qemu)) return *found;
  throw Error{"booting ", model.architecture, " needs the program ", quote(model.qemu), ", which is missing"}.with_hint(
      concat("install the Debian package ", model.qemu_package));
}

fs::path find_firmware(const QemuOptions& options, const Model& model) {
  if (options.firmware.empty() && !options.uefi) return {};
  const fs::path firmware = options.firmware.empty() ? fs::path{model.firmware} : fs::path{options.firmware};
  if (fs::is_regular_file(firmware)) return firmware;
  Error missing{"UEFI firmware ", quote(firmware.native()), " does not exist"};
  if (!options.firmware.empty()) throw missing;
  throw std::move(missing).with_hint(concat("install the Debian package ", model.firmware_package));
}

Network choose_network(const QemuOptions& options) {
  Network network = parse_network(options.networking);
  for (const std::string& text : options.publish) network.ports.push_back(parse_published_port(text));
  if (!network.ports.empty() && network.kind != Network::Kind::user) {
    throw Error{"--publish needs --networking user, not ", quote(options.networking)};
  }
  return network;
}

std::vector<DiskRequest> parse_disks(const std::vector<std::string>& texts) {
  std::vector<DiskRequest> disks;
  for (const std::string& text : texts) disks.push_back(parse_disk(text));
  return disks;
}

const Model& choose_model(const QemuOptions& options, const BootFiles& files, const KernelInfo& kernel) {
  if (!options.architecture.empty()) return model_of(options.architecture);
  if (!kernel.architecture.empty()) return model_of(kernel.architecture);
  throw Error{"kernel ", quote(files.kernel.native()), " is a ", name_of(kernel.form),
              ": its architecture cannot be told"}
      .with_hint("name it: --arch arm64 or --arch amd64");
}

Machine::Console choose_console(const QemuOptions& options, bool on_terminal) {
  if (options.detached) return Machine::Console::detached;
  return on_terminal ? Machine::Console::terminal : Machine::Console::pipe;
}

/// What only reads; any of it may refuse.
Machine check(const QemuOptions& options, bool on_terminal, const Model& model) {
  constexpr unsigned kMostCpus = 512;
  constexpr std::uint64_t kLeastMebibytes = 32;
  Machine machine;
  machine.model = &model;
  machine.cpus = static_cast<unsigned>(parse_number(options.cpus, 1, kMostCpus, "--cpus"));
  machine.mebibytes = parse_mebibytes(options.memory, 1, "--mem");
  if (machine.mebibytes < kLeastMebibytes) {
    throw Error{"--mem ", quote(options.memory), ": expected at least ", kLeastMebibytes, "M"};
  }
  machine.firmware = find_firmware(options, model);
  machine.network = choose_network(options);
  machine.console = choose_console(options, on_terminal);
  machine.gui = options.gui;
  machine.usb = options.usb;
  machine.no_reboot = options.no_reboot;
  machine.devices = options.devices;
  return machine;
}

/// sun_path holds 108 bytes; a machine whose directory has a longer name does without.
fs::path socket_path(const fs::path& directory) {
  constexpr std::size_t kLongest = 107;
  fs::path path = fs::absolute(directory / "qmp.sock");
  return path.native().size() <= kLongest ? path : fs::path{};
}

}  // namespace

PreparedMachine prepare_machine(const QemuOptions& options, bool on_terminal, Reporter& reporter) {
  const std::vector<DiskRequest> disks = parse_disks(options.disks);
  const BootFiles files = find_boot_files(options.name);
  const KernelInfo kernel = inspect_kernel(files.kernel);
  const Model& model = choose_model(options, files, kernel);
  PreparedMachine prepared{find_qemu(options.qemu, model), check(options, on_terminal, model)};
  Machine& machine = prepared.machine;
  check_memory(files.initrd, machine.mebibytes, reporter);
  machine.accelerator = choose_accelerator(options.accelerator, model, prepared.program, reporter);

  State state{options.state.empty() ? options.name + "-state" : options.state};
  machine.mac = state.mac();
  machine.uuid = state.uuid();
  machine.pidfile = fs::absolute(state.pidfile());
  machine.console_log = fs::absolute(options.console_log.empty() ? state.console_log() : fs::path{options.console_log});
  if (options.detached) machine.qmp_path = socket_path(state.directory());
  machine.kernel = fs::absolute(bootable_kernel(files.kernel, kernel, state.directory()));
  machine.initrd = fs::absolute(files.initrd);
  machine.cmdline = complete_cmdline(files.cmdline, model);
  for (std::size_t i = 0; i < disks.size(); ++i) {
    machine.disks.push_back(prepare_disk(disks[i], i, state.directory(), reporter));
  }
  for (PublishedPort& port : machine.network.ports) port = claim_port(port);
  reporter.detail(concat("kernel: ", name_of(kernel.form), ", ", kernel.architecture));
  reporter.detail(concat("cmdline: ", printable(machine.cmdline)));
  return prepared;
}

std::string start_detached(const PreparedMachine& prepared) {
  Command command;
  command.arguments = qemu_arguments(prepared.machine);
  command.arguments.insert(command.arguments.begin(), prepared.program);
  run_checked(command);
  std::string pid = read_file(prepared.machine.pidfile, 64);
  while (!pid.empty() && pid.back() == '\n') pid.pop_back();
  return pid;
}

std::string shell_text(const PreparedMachine& prepared) {
  std::string text = prepared.program;
  for (const std::string& argument : qemu_arguments(prepared.machine)) {
    const bool plain = !argument.empty() && argument.find_first_of(" \t\n'\"\\$`&|;<>()*?[]#~!{}") == std::string::npos;
    std::string quoted_text;
    for (char c : argument) quoted_text += c == '\'' ? std::string{"'\\''"} : std::string{c};
    text += plain ? concat(" ", argument) : concat(" '", quoted_text, "'");
  }
  return printable(text);
}

}  // namespace kiln::machine
