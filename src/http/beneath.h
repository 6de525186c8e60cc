#pragma once

#include <string_view>

#include "base/unique_fd.h"

namespace kiln::http {

// Opening a path that a stranger gave, relative to a directory and never outside it: symlinks are followed as long as
// they stay beneath the directory; absolute ones, "..", and /proc's magic links do not lead out. Without O_PATH tricks
// of the caller: the result is open for reading, non-blocking, so that a FIFO does not hold it up.
//
// Each returns nothing and sets errno if it cannot: EXDEV if the path leads out.

/// By the kernel (openat2, Linux 5.6), or where that is not allowed by walk_beneath().
UniqueFd open_beneath(int directory, std::string_view path);
/// Component by component.
UniqueFd walk_beneath(int directory, std::string_view path);

}  // namespace kiln::http
