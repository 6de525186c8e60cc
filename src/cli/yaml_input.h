#pragma once

#include <string>
#include <vector>

#include "config/load.h"

namespace kiln::cli {

class Context;

/// The configurations a command line names: paths, "-" for standard input, http:// and https:// URLs.
std::vector<config::Input> read_inputs(Context& context, const std::vector<std::string>& words);

/// The name outputs have unless one is given: that of the last word without directory and ending (spec cli.md §2).
std::string default_name(const std::vector<std::string>& words);

}  // namespace kiln::cli
