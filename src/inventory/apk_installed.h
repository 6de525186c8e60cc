#pragma once

#include <string_view>

#include "inventory/installed_package.h"

namespace kiln::inventory {

/// What /lib/apk/db/installed lists (apk-tools, "installed database v2"), in its order. `file`: what errors call it.
/// Throws Error: "FILE:LINE: …".
std::vector<InstalledPackage> parse_apk_installed(std::string_view text, std::string_view file);

}  // namespace kiln::inventory
