#pragma once

#include <string>
#include <string_view>

#include <sys/types.h>

#include "base/child_process.h"

namespace kiln {

// Internal to this folder: what all ways to run a program have in common.

/// Starts it with these files as standard input, output and error. Throws if it cannot be (with a hint to install it).
pid_t spawn(const Command& command, int input, int output, int errors);

/// Waits for its end: the exit status, or 128 + signal number.
int wait_status(pid_t pid);

/// Throws "running 'NAME': it ended with status …: " and the last lines of what it said, unless the status is 0.
void check_status(const std::string& name, int status, std::string_view said);

}  // namespace kiln
