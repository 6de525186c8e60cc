#pragma once

#include <string>
#include <vector>

#include "config/diagnostics.h"
#include "config/load.h"

namespace kiln::config {

/// An output format that the YAML itself asks for, as it did until May 2017 (spec yaml.md §13).
struct OutputFormat {
  std::string name;
  Position where;
};

/// The `outputs` of inputs that load() has found to be right: what to make where the command line does not say. They
/// are no part of the system.
std::vector<OutputFormat> output_formats(const std::vector<Input>& inputs);

}  // namespace kiln::config
