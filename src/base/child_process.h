#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/unique_fd.h"

namespace kiln {

/// What to run. The first argument is looked up in PATH unless it contains a slash.
struct Command {
  std::vector<std::string> arguments;
  std::map<std::string, std::string> environment;  ///< added to (and overriding) this process's own
  std::string directory;                           ///< working directory; empty: this process's
  std::string input;                               ///< standard input; empty: /dev/null
};

/// How it went.
struct CommandResult {
  int status = 0;  ///< exit status, or 128 + signal number
  std::string output;
  std::string errors;  ///< standard error
};

/// Runs to the end and collects both outputs. Throws only if it cannot be started (with a hint to install it).
CommandResult run(const Command& command);

/// The same, and tells each line of either output as soon as it is complete.
CommandResult run(const Command& command, const std::function<void(std::string_view line)>& on_line);

/// run(), and throws unless the status is 0; the error quotes the last lines of standard error. Returns the output.
std::string run_checked(const Command& command);

/// Whether the program can be found in PATH; its full path.
std::optional<std::string> find_program(std::string_view name);

}  // namespace kiln
