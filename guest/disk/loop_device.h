#pragma once

#include <string>

namespace guest {

/// Makes `file` a block device: `device` (/dev/loop0), or the first free one if that is empty, which is then set.
/// Returns an empty string, or what failed and why.
std::string attach_loop(const std::string& file, std::string& device);

}  // namespace guest
