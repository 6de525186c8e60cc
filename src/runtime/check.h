#pragma once

#include "config/options_check.h"

namespace kiln::runtime {

/// What config_json() would not take: elements of `binds`, `capabilities`, `rlimits` and the like. For config::load(),
/// which knows where they stand.
void check_options(const config::ContainerOptions& options, const config::OptionMistake& mistake);

}  // namespace kiln::runtime
