#pragma once

#include <string>
#include <vector>

#include "config/system.h"

namespace kiln::cli {

/// What LinuxKit's build says it is doing, line by line, for this system: scripts look for these (spec cli.md §2). The
/// outputs are told when they are made.
std::vector<std::string> build_steps(const config::System& system);

}  // namespace kiln::cli
