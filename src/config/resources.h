#pragma once

#include "config/system.h"
#include "config/value.h"

namespace kiln::config {

/// The members of LinuxResources in runtime-spec's order: device rules first if there are any.
Value resources_for_json(const Resources& resources);

/// As LinuxKit's `metadata: yaml` shows them: every field there is, names in lower case, null where nothing is set.
Value resources_for_yaml(const Resources& resources);

}  // namespace kiln::config
