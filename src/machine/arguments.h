#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "machine/disk.h"
#include "machine/model.h"
#include "machine/publish.h"
#include "machine/share.h"

namespace kiln::machine {

/// How the guest is connected.
struct Network {
  enum class Kind { none, user, tap, bridge };
  Kind kind = Kind::user;
  std::string interface;             ///< of tap or bridge
  std::vector<PublishedPort> ports;  ///< of user

  bool operator==(const Network&) const = default;
};

/// `user` (or `default`), `none`, `tap,NAME`, `bridge,NAME`. Throws Error.
Network parse_network(std::string_view text);

/// Everything that decides how QEMU is called.
struct Machine {
  /// Where the serial console goes.
  enum class Console {
    terminal,  ///< QEMU's standard input and output, raw, with QEMU's escape key Ctrl-A
    pipe,      ///< the same, but every byte is the guest's
    detached   ///< the log only
  };

  const Model* model = nullptr;
  std::string accelerator = "tcg";  ///< with its options: "kvm", "tcg,thread=single"
  unsigned cpus = 1;
  std::uint64_t mebibytes = 1024;
  std::string uuid, mac;
  std::filesystem::path kernel, initrd;  ///< empty: what a disk or CD brings; no initramfs
  std::string cmdline;
  std::filesystem::path firmware;  ///< empty: the kernel is started directly
  std::vector<Disk> disks;
  std::vector<std::filesystem::path> cds;
  bool boots_from_cd = false;  ///< where there is no kernel: from the first CD, otherwise from the first disk
  std::vector<Share> shares;
  Network network;
  Console console = Console::pipe;
  std::filesystem::path console_log, pidfile;
  int qmp_fd = -1;                 ///< an inherited socket for QMP
  std::filesystem::path qmp_path;  ///< or, detached, where it listens
  bool gui = false, usb = false, no_reboot = false;
  std::vector<std::string> devices;
};

/// The arguments after the program's name.
std::vector<std::string> qemu_arguments(const Machine& machine);

/// `cmdline` with a console for this machine (unless it names it) and `panic=-1` (unless it has its own): a panicking
/// kernel then restarts at once, which is how its end is noticed.
std::string complete_cmdline(std::string cmdline, const Model& model);

}  // namespace kiln::machine
