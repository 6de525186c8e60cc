#pragma once

#include <sys/types.h>

#include <string>
#include <utility>
#include <vector>

#include "base/errno.h"

namespace guest {

/// What to run. Descriptors of -1 mean /dev/null.
struct Command {
  std::string program;            ///< path of the executable
  std::vector<std::string> args;  ///< with argv[0]
  int input = -1;
  int output = -1;
  int error = -1;
  std::vector<std::string> environment = {};  ///< variables (NAME=VALUE) beside PATH
  /// Further descriptors that it gets, and as which number: above 2, and none of them one that is yet to be moved.
  std::vector<std::pair<int, int>> inherited = {};
};

/// Starts `command` with default signal dispositions, an empty signal mask and a minimal environment.
/// It shares the parent's memory until exec (vfork), so it stays cheap however large PID 1 is.
Errno spawn(const Command& command, pid_t& pid);

/// "exited with status 3" or "killed by SIGKILL", from a wait status.
std::string describe_exit(int status);

/// "SIGTERM" for 15, "signal 77" for numbers without a name.
std::string signal_name(int signal);

/// The number of "SIGTERM", "TERM" or "15"; 0 if there is no such signal.
int parse_signal(const std::string& text);

}  // namespace guest
