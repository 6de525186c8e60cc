#pragma once

#include <string>
#include <vector>

#include "boot/cmdline.h"

namespace guest {

/// How to run a getty on one console.
struct GettyCommand {
  std::string device;
  std::string term;                    ///< empty: left to the getty
  std::vector<std::string> arguments;  ///< for agetty, without argv[0]
};

/// guest.md §6: serial lines get `-L` and vt100, virtual terminals 38400 baud and no TERM, others linux; `insecure`
/// logs root in.
GettyCommand getty_command(const ConsoleToken& console, bool insecure);

}  // namespace guest
