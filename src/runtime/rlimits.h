#pragma once

#include <string>
#include <vector>

#include "config/value.h"

namespace kiln::runtime {

/// `name,soft,hard` as runtime-spec has it ("POSIX process", rlimits); null for none (spec oci-runtime.md §7). Throws
/// Error.
config::Value parse_rlimits(const std::vector<std::string>& texts);

/// One of them.
config::Value parse_rlimit(const std::string& text);

}  // namespace kiln::runtime
