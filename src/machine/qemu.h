#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/reporter.h"
#include "machine/arguments.h"
#include "machine/boot_kind.h"

namespace kiln::machine {

/// What the command line of `kiln run` says, unchecked.
struct QemuOptions {
  std::string name;  ///< of NAME-kernel, NAME-initrd.img, NAME-cmdline; or of a disk or CD
  BootKindOptions boot;
  std::string cpus = "1", memory = "1024";
  std::vector<std::string> disks, publish, devices;
  std::vector<std::string> shares;  ///< directories
  std::string virtiofsd;            ///< the program; empty: found
  std::optional<std::string> data;  ///< metadata, for a CD
  std::string state;                ///< empty: NAME-state
  std::string console_log;          ///< empty: STATE/console.log
  std::string firmware;             ///< empty: none, or with `uefi` Debian's
  std::string accelerator;          ///< empty: KVM if it can be used
  std::string architecture;         ///< empty: the kernel's
  std::string qemu;                 ///< the program; empty: found in PATH
  std::string networking = "user";
  std::string publish_address = "127.0.0.1";  ///< of ports that are published without one
  bool uefi = false, gui = false, usb = false, detached = false, no_reboot = false;
};

/// A machine that is ready to start.
struct PreparedMachine {
  std::string program;
  Machine machine;
  std::string virtiofsd;  ///< serves the machine's shares, if it has any
};

/// Checks every option before it changes anything, then makes what the machine needs: its state directory, disks, an
/// unpacked kernel. `on_terminal`: standard input is one. Throws Error.
PreparedMachine prepare_machine(const QemuOptions& options, bool on_terminal, Reporter& reporter);

/// Runs it to its end with the console on standard input and output; returns the exit status (machine/ending.h). On
/// SIGINT, SIGTERM or SIGHUP the guest is asked to power off; another one, or a minute, pulls the plug. Throws Error if
/// QEMU does not start or fails.
int run_machine(const PreparedMachine& prepared, const Clock& clock, Reporter& reporter);

/// Starts it in the background; returns QEMU's process number. Throws Error.
std::string start_detached(const PreparedMachine& prepared);

/// What to run so as to see how QEMU is called: the program and its arguments, quoted for a shell.
std::string shell_text(const PreparedMachine& prepared);

}  // namespace kiln::machine
