#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "machine/remote/transport.h"

namespace kiln::machine {

// What would fail on the machine minutes later, and is seen from here.

/// Asks for a file with HEAD. `what` it is for: "boot URL". Returns its size if the server tells. Throws Error for a
/// status of 400 and more.
std::optional<std::uint64_t> check_url(Transport& transport, const std::string& url, std::string_view what);

/// The operating system that is about to be booted, as far as it is known.
struct SystemToBoot {
  std::string name;                   ///< "web"
  std::string architecture;           ///< Go's name; empty: not known
  std::uint64_t initramfs_bytes = 0;  ///< as it is transferred; 0: not known
};

/// The machine it is for; what is not known is empty or 0.
struct TargetMachine {
  std::string name;
  std::string architecture;
  std::uint64_t memory_bytes = 0;
};

/// NAME-kernel and NAME-initrd.img. Throws Error.
SystemToBoot describe_system(const std::string& name);

/// Throws Error if the system cannot run there: another architecture, or an initramfs that does not fit into memory.
void check_suits(const SystemToBoot& system, const TargetMachine& machine);

}  // namespace kiln::machine
