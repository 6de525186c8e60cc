#pragma once

#include <string>
#include <utility>
#include <vector>

#include "archive/pax.h"

namespace kiln::archive {

/// The extended attributes among pax records, sorted by name: SCHILY.xattr.NAME (the value as it is; star, GNU tar,
/// Go) and LIBARCHIVE.xattr.NAME (name URL-encoded, value in base64; bsdtar, which writes both). Where both give an
/// attribute, SCHILY's counts. An empty SCHILY value is an attribute with an empty value. Throws Error for bad base64.
std::vector<std::pair<std::string, std::string>> xattrs_of(const std::vector<PaxRecord>& records);

}  // namespace kiln::archive
