#pragma once

#include <string>

namespace kiln::cli {

/// Of this program, "0.1.0".
std::string version();

/// The commit it was built from, or "unknown".
std::string commit();

}  // namespace kiln::cli
