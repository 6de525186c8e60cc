#pragma once

#include <string>
#include <vector>

#include "convert/service.h"

namespace kiln::convert {

/// A Kiln YAML of a machine that runs the services: kernel, init and network are the usual ones. `origin`: the file
/// they come from, for the comment at the top.
std::string system_text(const std::string& origin, const std::vector<Service>& services,
                        const std::vector<FileEntry>& files);

}  // namespace kiln::convert
