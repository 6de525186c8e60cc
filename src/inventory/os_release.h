#pragma once

#include <string>
#include <string_view>

namespace kiln::inventory {

/// Of os-release(5): which distribution it is. What is not given is empty.
struct OsRelease {
  std::string id, version_id;  ///< "debian", "12"
};

/// Reads what is well-formed and passes over the rest, as the manual asks of readers.
OsRelease parse_os_release(std::string_view text);

}  // namespace kiln::inventory
