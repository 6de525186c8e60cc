#pragma once

#include <optional>
#include <string>

#include "netboot/machines.h"

namespace kiln::netboot {

/// Why a machine that has gone silent probably did not boot, from what was its last step; nothing while there is still
/// hope, or when its last error says it already. Pure: `now` is the clock's.
std::optional<std::string> diagnose(const Machine& machine, Machine::Time now);

}  // namespace kiln::netboot
