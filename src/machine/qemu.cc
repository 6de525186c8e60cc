#include "machine/qemu.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "archive/data_iso.h"
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

/// A disk or CD is started by a BIOS where the machine has one, and by UEFI where not.
fs::path find_firmware(const QemuOptions& options, const Model& model, bool has_kernel) {
  const bool needs_firmware = !has_kernel && model.architecture != "amd64";
  if (options.firmware.empty() && !options.uefi && !needs_firmware) return {};
  const fs::path firmware = options.firmware.empty() ? fs::path{model.firmware} : fs::path{options.firmware};
  if (fs::is_regular_file(firmware)) return firmware;
  Error missing{"UEFI firmware ", quote(firmware.native()), " does not exist"};
  if (!options.firmware.empty()) throw missing;
  throw std::move(missing).with_hint(concat("install the Debian package ", model.firmware_package));
}

Network choose_network(const QemuOptions& options) {
  Network network = parse_network(options.networking);
  for (const std::string& text : options.publish) {
    network.ports.push_back(parse_published_port(text, options.publish_address));
  }
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

/// What is started, found and looked at; nothing is changed yet.
struct Boot {
  BootKind kind = BootKind::initramfs;
  std::optional<BootFiles> files;  ///< of a kernel
  KernelInfo kernel;
};

Boot find_boot(const QemuOptions& options) {
  Boot boot;
  boot.kind = choose_boot_kind(options.name, options.boot);
  if (boot.kind == BootKind::disk || boot.kind == BootKind::iso) {
    if (!fs::exists(options.name)) throw Error{"nothing to boot: ", quote(options.name), " does not exist"};
    return boot;
  }
  boot.files =
      boot.kind == BootKind::squashfs ? find_boot_files(options.name, "-squashfs.img") : find_boot_files(options.name);
  boot.kernel = inspect_kernel(boot.files->kernel);
  return boot;
}

const Model& choose_model(const QemuOptions& options, const Boot& boot) {
  if (!options.architecture.empty()) return model_of(options.architecture);
  if (!boot.files) return model_of(host_architecture());
  if (!boot.kernel.architecture.empty()) return model_of(boot.kernel.architecture);
  throw Error{"kernel ", quote(boot.files->kernel.native()), " is a ", name_of(boot.kernel.form),
              ": its architecture cannot be told"}
      .with_hint("name it: --arch arm64 or --arch amd64");
}

Machine::Console choose_console(const QemuOptions& options, bool on_terminal) {
  if (options.detached) return Machine::Console::detached;
  return on_terminal ? Machine::Console::terminal : Machine::Console::pipe;
}

/// What only reads; any of it may refuse.
Machine check(const QemuOptions& options, bool on_terminal, const Model& model, bool has_kernel) {
  constexpr unsigned kMostCpus = 512;
  constexpr std::uint64_t kLeastMebibytes = 32;
  Machine machine;
  machine.model = &model;
  machine.cpus = static_cast<unsigned>(parse_number(options.cpus, 1, kMostCpus, "--cpus"));
  machine.mebibytes = parse_mebibytes(options.memory, 1, "--mem");
  if (machine.mebibytes < kLeastMebibytes) {
    throw Error{"--mem ", quote(options.memory), ": expected at least ", kLeastMebibytes, "M"};
  }
  machine.firmware = find_firmware(options, model, has_kernel);
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

fs::path state_directory(const QemuOptions& options, BootKind kind) {
  if (!options.state.empty()) return options.state;
  std::string name = options.name;
  if (kind == BootKind::iso && name.ends_with(".iso")) name.resize(name.size() - std::strlen(".iso"));
  return name + "-state";
}

/// The program that serves the shares; empty without any.
std::string check_shares(const QemuOptions& options) {
  if (options.shares.empty()) return {};
  if (options.detached) throw Error{"--virtiofs needs this program to serve the files: it cannot be --detached"};
  for (const std::string& directory : options.shares) {
    if (!fs::is_directory(directory)) throw Error{"--virtiofs ", quote(directory), ": there is no such directory"};
  }
  return find_virtiofsd(options.virtiofsd);
}

/// The CD with the machine's metadata, as LinuxKit makes it.
fs::path write_data(const std::string& data, const State& state) {
  const fs::path path = state.directory() / "data.iso";
  write_file(path, archive::make_data_iso("config", "config", data));
  return fs::absolute(path);
}

void add_boot(Machine& machine, const QemuOptions& options, const Boot& boot, const State& state) {
  const fs::path image = fs::absolute(options.name);
  switch (boot.kind) {
    case BootKind::disk:
      machine.disks.push_back({image, format_of(image), false});
      return;
    case BootKind::iso:
      machine.cds.push_back(image);
      machine.boots_from_cd = true;
      return;
    case BootKind::squashfs:
      machine.disks.push_back({fs::absolute(boot.files->initrd), "raw", true});
      machine.cmdline = complete_cmdline(concat(boot.files->cmdline, " root=/dev/vda"), *machine.model);
      break;
    case BootKind::initramfs:
      machine.initrd = fs::absolute(boot.files->initrd);
      machine.cmdline = complete_cmdline(boot.files->cmdline, *machine.model);
      break;
  }
  machine.kernel = fs::absolute(bootable_kernel(boot.files->kernel, boot.kernel, state.directory()));
}

}  // namespace

PreparedMachine prepare_machine(const QemuOptions& options, bool on_terminal, Reporter& reporter) {
  const std::vector<DiskRequest> disks = parse_disks(options.disks);
  const Boot boot = find_boot(options);
  const Model& model = choose_model(options, boot);
  PreparedMachine prepared{find_qemu(options.qemu, model), check(options, on_terminal, model, boot.files.has_value()),
                           check_shares(options)};
  Machine& machine = prepared.machine;
  if (boot.kind == BootKind::initramfs) check_memory(boot.files->initrd, machine.mebibytes, reporter);
  machine.accelerator = choose_accelerator(options.accelerator, model, prepared.program, reporter);

  State state{state_directory(options, boot.kind)};
  machine.mac = state.mac();
  machine.uuid = state.uuid();
  machine.pidfile = fs::absolute(state.pidfile());
  machine.console_log = fs::absolute(options.console_log.empty() ? state.console_log() : fs::path{options.console_log});
  if (options.detached) machine.qmp_path = socket_path(state.directory());
  add_boot(machine, options, boot, state);
  for (std::size_t i = 0; i < disks.size(); ++i) {
    machine.disks.push_back(prepare_disk(disks[i], i, state.directory(), reporter));
  }
  if (options.data) machine.cds.push_back(write_data(*options.data, state));
  for (const std::string& directory : options.shares) {
    const std::string socket = concat("virtiofs", machine.shares.size());
    machine.shares.push_back({fs::absolute(directory), fs::absolute(state.directory() / socket)});
  }
  for (PublishedPort& port : machine.network.ports) port = claim_port(port);
  if (boot.files) {
    reporter.detail(concat("kernel: ", name_of(boot.kernel.form), ", ", boot.kernel.architecture));
    reporter.detail(concat("cmdline: ", printable(machine.cmdline)));
  }
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
