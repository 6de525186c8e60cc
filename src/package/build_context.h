#pragma once

#include <filesystem>

#include "package/build.h"

namespace kiln::package {

/// The directory a Dockerfile is built in: the package's own or, if it has `extra-sources` or `depends`, a copy of it
/// below `work` with these. The images of `depends` are those for the platform, and are pulled if need be.
std::filesystem::path make_build_context(const Package& package, const oci::Platform& platform,
                                         const Workshop& workshop, const std::filesystem::path& work);

}  // namespace kiln::package
