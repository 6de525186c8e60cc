#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "build/resolve.h"

namespace kiln::build {

/// What an image says it is made of: an SPDX document, and where the image's files are in the root tree.
struct ImageSbom {
  std::string name;    ///< for errors
  std::string spdx;    ///< JSON
  std::string prefix;  ///< "containers/services/web/lower/", or empty
};

/// One SPDX document of several, as LinuxKit merges them (spec layout.md §10), compact JSON: the prefix goes in front
/// of file names, everything else is appended as it is. `created`: seconds since the epoch. The namespace follows from
/// the content, where LinuxKit's is random. Throws Error for what is not SPDX.
std::string merge_sboms(const std::vector<ImageSbom>& sboms, std::int64_t created);

/// The SPDX document of an image that brings none along; nothing if nothing is known of it.
using SbomMaker = std::function<std::optional<std::string>(const oci::Image& image)>;

/// The SBOMs that the images of a system bring along as attestations, in the order of LinuxKit's tar; of those without,
/// what `otherwise` makes, or none. An image that containers share counts once. Attestations are fetched where the
/// store lacks them.
std::vector<ImageSbom> collect_sboms(const ResolvedSystem& system, const ImageFetcher& fetch, const oci::Store& store,
                                     const SbomMaker& otherwise = {});

}  // namespace kiln::build
