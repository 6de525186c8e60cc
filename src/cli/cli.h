#pragma once

namespace kiln::cli {

/// The whole program. Returns the exit status: what the verb says, 1 after an error, 2 when the command line is wrong.
int run_command_line(int argc, const char* const* argv);

}  // namespace kiln::cli
