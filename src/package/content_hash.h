#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace kiln::package {

/// LinuxKit's hash of a package directory in a git work tree (spec pkg.md §3): the tree's id at HEAD, mixed with those
/// of `extra_sources`, and "-dirty-" + 7 digits when the work tree differs. Empty outside git. Throws Error if the
/// directory is in a work tree but not in its HEAD.
std::string git_tree_hash(const std::filesystem::path& directory, const std::vector<std::string>& extra_sources);

/// The commit checked out, if the directory is in git and has no changes; empty otherwise.
std::string clean_commit(const std::filesystem::path& directory);

/// A hash of names, executable bits and contents of all files below a directory, 40 digits; for packages that come with
/// Kiln, which are installed without git. `salt` is hashed too.
std::string directory_hash(const std::filesystem::path& directory, std::string_view salt);

/// `tag` of build.yml with `{{.Hash}}` replaced. Throws Error for any other template expression.
std::string apply_tag_template(std::string_view tag, std::string_view hash);

}  // namespace kiln::package
