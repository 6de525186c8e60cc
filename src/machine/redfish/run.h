#pragma once

#include <optional>
#include <string>
#include <vector>

#include "machine/redfish/boot.h"
#include "machine/remote/checks.h"
#include "machine/remote/console.h"

namespace kiln::machine::redfish {

enum class ConsoleKind {
  automatic,  ///< what the BMC says it has
  ssh,
  ipmi,
  none
};

/// What `kiln run redfish` was asked for.
struct Options {
  std::string url;
  Login login;
  std::string system;
  BootSource source;
  std::optional<SystemToBoot> os;  ///< to check whether the machine suits it
  Patience patience;
  bool keep_cd = false;

  ConsoleKind console = ConsoleKind::automatic;
  std::string console_host, console_user;  ///< empty: the BMC's, and the login's
  unsigned console_port = 0;               ///< 0: what the BMC says
  std::vector<std::string> ssh_options;
};

/// Boots the machine and shows its console until it is left or the machine is off. Returns the exit status; throws
/// Error, and Interrupted. The session ends with it, whatever happens.
int run(const Options& options, Transport& transport, SignalWaiter& waiter, Reporter& reporter);

/// What the console of a machine is reached by.
struct Console {
  ConsoleProgram program;
  std::string told;  ///< "ssh, port 2200"
};

/// Nothing if there is none, or none is wanted. `askpass`: the program that ssh asks for the password; may be empty.
/// Throws Error if the program for it is missing.
std::optional<Console> find_console(const Options& options, const System& system, const std::string& askpass);

}  // namespace kiln::machine::redfish
