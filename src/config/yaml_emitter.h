#pragma once

#include <string>

#include "config/value.h"

namespace kiln::config {

/// YAML byte for byte as LinuxKit's library for `metadata: yaml` (gopkg.in/yaml.v2) writes it: two spaces, lists at the
/// column of their key, literal blocks for texts of several lines, quotes only where a plain word would be read as
/// something else, and long texts folded at the first space after column 80.
std::string to_yaml_text(const Value& value);

}  // namespace kiln::config
