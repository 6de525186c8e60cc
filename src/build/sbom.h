#pragma once

#include <cstdint>
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

/// The SBOMs that the images of a system bring along as attestations, in the order of LinuxKit's tar; those without are
/// passed over. An image that containers share counts once. Attestations are fetched where the store lacks them.
std::vector<ImageSbom> collect_sboms(const ResolvedSystem& system, const ImageFetcher& fetch, const oci::Store& store);

}  // namespace kiln::build
