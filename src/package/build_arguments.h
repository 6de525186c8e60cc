#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "package/package.h"

namespace kiln::package {

/// What a Dockerfile is built with (spec pkg.md §5): `buildArgs` of build.yml, the lines of the files, later ones
/// winning, and what is set of itself unless given: SOURCE, REVISION, GOPKGVERSION, PKG_HASH, PKG_IMAGE. Values
/// `@lkt:pkg:PATH` and `@lkt:pkgs:GLOB` become the names of packages. Throws Error with the place of what is wrong.
std::map<std::string, std::string> build_arguments(const Package& package,
                                                   const std::vector<std::filesystem::path>& files,
                                                   const Locations& locations);

}  // namespace kiln::package
