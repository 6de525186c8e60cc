#pragma once

#include <string_view>

#include "inventory/installed_package.h"

namespace kiln::inventory {

/// What /var/lib/dpkg/status says is installed (dpkg(1), deb-control(5)), in its order; also a file of status.d, as
/// images without dpkg have them, whose packages have no state. `file`: what errors call it. Throws Error:
/// "FILE:LINE: …".
std::vector<InstalledPackage> parse_dpkg_status(std::string_view text, std::string_view file);

}  // namespace kiln::inventory
