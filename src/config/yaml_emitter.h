#pragma once

#include <string>

#include "config/value.h"

namespace kiln::config {

/// How the two versions of Go's YAML library that LinuxKit uses differ.
struct YamlFormat {
  std::size_t indent;   ///< spaces for a level; what is inside a list item stands two to the right of its dash
  bool indented_lists;  ///< one level to the right of their key, not at its column
  std::size_t width;    ///< texts are folded at the first space after this column; 0 never
};
inline constexpr YamlFormat kYamlV2{2, false, 80};  ///< `metadata: yaml`
inline constexpr YamlFormat kYamlV3{4, true, 0};    ///< --dry-run

/// YAML byte for byte as that library writes it: literal blocks for texts of several lines, and quotes only where a
/// plain word would be read as something else.
std::string to_yaml_text(const Value& value, const YamlFormat& format = kYamlV2);

}  // namespace kiln::config
