#pragma once

#include <string>
#include <vector>

#include "base/child_process.h"
#include "machine/remote/console.h"
#include "machine/remote/waiter.h"

namespace kiln::machine::ipmi {

/// A BMC that speaks IPMI over the network, and the account there.
struct Bmc {
  std::string host;
  unsigned port = 623;
  std::string user, password;
  std::string interface = "lanplus";  ///< ipmitool's -I; "lan" is IPMI 1.5, without encryption and console
  std::string cipher_suite;           ///< ipmitool's -C; empty: its own choice
};

/// How programs are run. Tests have one that answers by a script.
struct Runner {
  virtual ~Runner() = default;
  virtual CommandResult run(const Command& command) = 0;
};

class SystemRunner final : public Runner {
 public:
  CommandResult run(const Command& command) override { return kiln::run(command); }
};

enum class BootDevice { pxe, cdrom };

/// A machine behind such a BMC, by ipmitool. The password goes through the environment. Every call throws Error with
/// what ipmitool says.
class Ipmitool {
 public:
  /// Throws Error if ipmitool is missing.
  Ipmitool(Bmc bmc, Runner& runner);

  bool is_on();
  void boot_once_from(BootDevice device);  ///< with UEFI
  /// Switches the machine on, or off and on again, and waits until it is on.
  void power_cycle(Waiter& waiter, std::chrono::nanoseconds patience);
  void close_console();  ///< of somebody else: there can be one only

 private:
  CommandResult call(const std::vector<std::string>& words);
  std::string checked(const std::vector<std::string>& words);

  Bmc bmc_;
  Runner& runner_;
};

/// The machine's serial console over IPMI.
ConsoleProgram sol_program(const Bmc& bmc);

/// Throws Error, with the package to install, if ipmitool is missing.
void require_ipmitool();

}  // namespace kiln::machine::ipmi
