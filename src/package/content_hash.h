#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace kiln::package {

/// A hash of names, executable bits and contents of all files below a directory, 40 digits; for packages that come with
/// Kiln, which are installed without git. `salt` is hashed too.
std::string directory_hash(const std::filesystem::path& directory, std::string_view salt);

/// `tag` of build.yml with `{{.Hash}}` replaced. Throws Error for any other template expression.
std::string apply_tag_template(std::string_view tag, std::string_view hash);

}  // namespace kiln::package
