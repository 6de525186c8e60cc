#include "machine/arguments.h"

#include <algorithm>
#include <sstream>

#include "base/error.h"

namespace kiln::machine {
namespace {

using Arguments = std::vector<std::string>;

void append(Arguments& to, std::initializer_list<std::string> more) { to.insert(to.end(), more); }

/// In QEMU's option lists a comma in a value is written twice.
std::string escaped(const std::string& value) {
  std::string out;
  for (char c : value) out.append(c == ',' ? 2 : 1, c);
  return out;
}

/// A q35 has six SATA ports. Nothing of ours is behind them, and a guest's driver looks at each for a second in all.
std::string machine_type(const Machine& machine, bool emulated) {
  std::string type{emulated ? machine.model->machine : machine.model->kvm_machine};
  const bool wants_sata = std::any_of(machine.devices.begin(), machine.devices.end(),
                                      [](const std::string& device) { return device.starts_with("ide-"); });
  if (type == "q35" && !wants_sata) type += ",sata=off";
  return type;
}

void add_basics(Arguments& arguments, const Machine& machine) {
  const bool emulated = machine.accelerator.starts_with("tcg");
  append(arguments, {"-no-user-config", "-nodefaults"});
  append(arguments, {"-machine", machine_type(machine, emulated)});
  append(arguments, {"-accel", machine.accelerator});
  append(arguments, {"-cpu", emulated ? std::string{machine.model->emulated_cpu} : "host"});
  append(arguments, {"-smp", std::to_string(machine.cpus), "-m", concat(machine.mebibytes, "M")});
  append(arguments, {"-uuid", machine.uuid, "-pidfile", machine.pidfile.native()});
  if (machine.no_reboot) append(arguments, {"-no-reboot"});
}

void add_boot(Arguments& arguments, const Machine& machine) {
  if (!machine.firmware.empty()) {
    // Without the splash time edk2 waits 5 seconds for a key.
    append(arguments, {"-bios", machine.firmware.native(), "-boot", "menu=on,splash-time=0"});
  }
  if (machine.kernel.empty()) return;
  append(arguments, {"-kernel", machine.kernel.native()});
  if (!machine.initrd.empty()) append(arguments, {"-initrd", machine.initrd.native()});
  append(arguments, {"-append", machine.cmdline});
}

void add_console(Arguments& arguments, const Machine& machine) {
  std::string chardev;
  switch (machine.console) {
    case Machine::Console::terminal:
      chardev = "stdio,id=console,mux=on,signal=off";
      break;
    case Machine::Console::pipe:
      chardev = "stdio,id=console,signal=off";
      break;
    case Machine::Console::detached:
      chardev = "null,id=console";
      break;
  }
  chardev += concat(",logfile=", escaped(machine.console_log.native()));
  append(arguments, {"-chardev", chardev, "-serial", "chardev:console"});
  if (machine.console == Machine::Console::detached) append(arguments, {"-daemonize"});
}

void add_control(Arguments& arguments, const Machine& machine) {
  if (machine.qmp_fd >= 0) {
    append(arguments, {"-chardev", concat("socket,id=qmp,fd=", machine.qmp_fd), "-mon", "chardev=qmp,mode=control"});
  } else if (!machine.qmp_path.empty()) {
    append(arguments, {"-chardev", concat("socket,id=qmp,server=on,wait=off,path=", escaped(machine.qmp_path.native())),
                       "-mon", "chardev=qmp,mode=control"});
  }
}

/// The device that firmware starts; nothing where a kernel is given.
std::string boot_index(const Machine& machine, bool is_cd, std::size_t number) {
  const bool boots = machine.kernel.empty() && machine.boots_from_cd == is_cd && number == 0;
  return boots ? ",bootindex=0" : "";
}

/// Behind virtio-scsi, for which every kernel of virtual machines has a driver: /dev/sr0 in the guest, on all machines.
void add_cds(Arguments& arguments, const Machine& machine) {
  if (!machine.cds.empty()) append(arguments, {"-device", "virtio-scsi-pci"});
  for (std::size_t i = 0; i < machine.cds.size(); ++i) {
    append(arguments,
           {"-drive",
            concat("if=none,id=cd", i, ",media=cdrom,readonly=on,format=raw,file=", escaped(machine.cds[i].native()))});
    append(arguments, {"-device", concat("scsi-cd,drive=cd", i, boot_index(machine, true, i))});
  }
}

/// vhost-user needs the guest's memory to be shared with the program that serves the files.
void add_shares(Arguments& arguments, const Machine& machine) {
  if (machine.shares.empty()) return;
  append(arguments, {"-object", concat("memory-backend-memfd,id=mem,share=on,size=", machine.mebibytes, "M"), "-numa",
                     "node,memdev=mem"});
  for (std::size_t i = 0; i < machine.shares.size(); ++i) {
    append(arguments, {"-chardev", concat("socket,id=share", i, ",path=", escaped(machine.shares[i].socket.native()))});
    append(arguments, {"-device", concat("vhost-user-fs-pci,chardev=share", i, ",tag=virtiofs", i)});
  }
}

void add_disks(Arguments& arguments, const Machine& machine) {
  for (std::size_t i = 0; i < machine.disks.size(); ++i) {
    const Disk& disk = machine.disks[i];
    append(arguments, {"-drive", concat("if=none,id=disk", i, disk.readonly ? ",readonly=on" : ",discard=unmap",
                                        ",format=", disk.format, ",file=", escaped(disk.file.native()))});
    append(arguments, {"-device", concat("virtio-blk-pci,drive=disk", i, boot_index(machine, false, i))});
  }
}

std::string user_network(const std::vector<PublishedPort>& ports) {
  std::string text = "user,id=net0";
  for (const PublishedPort& port : ports) {
    text += concat(",hostfwd=", port.udp ? "udp" : "tcp", ":", port.address, ":", port.host, "-:", port.guest);
  }
  return text;
}

void add_network(Arguments& arguments, const Machine& machine) {
  const Network& network = machine.network;
  switch (network.kind) {
    case Network::Kind::none:
      return;
    case Network::Kind::user:
      append(arguments, {"-netdev", user_network(network.ports)});
      break;
    case Network::Kind::tap:
      append(arguments, {"-netdev", concat("tap,id=net0,script=no,downscript=no,ifname=", escaped(network.interface))});
      break;
    case Network::Kind::bridge:
      append(arguments, {"-netdev", concat("bridge,id=net0,br=", escaped(network.interface))});
      break;
  }
  append(arguments, {"-device", concat("virtio-net-pci,netdev=net0,romfile=,mac=", machine.mac)});
}

void add_devices(Arguments& arguments, const Machine& machine) {
  // Without a source of randomness a guest, or its firmware, may wait for seconds.
  append(arguments, {"-device", "virtio-rng-pci"});
  if (!machine.model->has_acpi) append(arguments, {"-device", "virtio-keyboard-pci"});
  if (machine.usb || machine.gui) append(arguments, {"-device", "qemu-xhci"});
  if (machine.gui) {
    append(arguments, {"-device", machine.model->architecture == "amd64" ? "virtio-vga" : "virtio-gpu-pci"});
    append(arguments, {"-device", "usb-kbd", "-device", "usb-tablet"});
  } else {
    append(arguments, {"-display", "none"});
  }
  for (const std::string& device : machine.devices) append(arguments, {"-device", device});
}

}  // namespace

Network parse_network(std::string_view text) {
  if (text == "user" || text == "default") return {};
  if (text == "none") return {Network::Kind::none, {}, {}};
  for (const auto& [prefix, kind] : {std::pair{std::string_view{"tap,"}, Network::Kind::tap},
                                     std::pair{std::string_view{"bridge,"}, Network::Kind::bridge}}) {
    if (text.starts_with(prefix) && text.size() > prefix.size()) {
      return {kind, std::string{text.substr(prefix.size())}, {}};
    }
  }
  throw Error{"--networking ", quote(text), ": expected user, none, tap,INTERFACE or bridge,INTERFACE"};
}

std::vector<std::string> qemu_arguments(const Machine& machine) {
  Arguments arguments;
  add_basics(arguments, machine);
  add_boot(arguments, machine);
  add_console(arguments, machine);
  add_control(arguments, machine);
  add_disks(arguments, machine);
  add_cds(arguments, machine);
  add_shares(arguments, machine);
  add_network(arguments, machine);
  add_devices(arguments, machine);
  return arguments;
}

std::string complete_cmdline(std::string cmdline, const Model& model) {
  while (!cmdline.empty() && (cmdline.back() == '\n' || cmdline.back() == ' ')) cmdline.pop_back();
  bool has_console = false;
  bool has_panic = false;
  std::istringstream words{cmdline};
  for (std::string word; words >> word;) {
    const std::string console = concat("console=", model.console);
    has_console = has_console || word == console || word.starts_with(console + ",");
    has_panic = has_panic || word.starts_with("panic=");
  }
  if (!has_console) cmdline += concat(cmdline.empty() ? "" : " ", "console=", model.console);
  if (!has_panic) cmdline += " panic=-1";
  return cmdline;
}

}  // namespace kiln::machine
