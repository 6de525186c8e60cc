#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace kiln::package {

/// What of a git repository a package is made from.
struct GitQuery {
  std::filesystem::path directory;  ///< of the package
  std::filesystem::path hash_path;  ///< whose tree gives the hash: the directory or one above; empty: the directory
  std::vector<std::string> extra_sources;  ///< `SOURCE:DESTINATION`, sources relative to the directory
  std::string commit = "HEAD";
};

/// Whether git is here and the directory in a work tree.
bool in_git(const std::filesystem::path& directory);

/// LinuxKit's hash of a package (spec pkg.md §3) without its suffix: the tree's id at the commit, mixed with those of
/// the extra sources. Throws Error if one of them is not in that commit.
std::string git_tree_hash(const GitQuery& query);

/// What the files say that are not as the commit has them: "-dirty-" and 7 digits of their contents; empty if all are.
/// Only HEAD can differ from the work tree. `force` as if there were some.
std::string git_dirty_suffix(const GitQuery& query, bool force = false);

/// The commit checked out; empty outside git and before the first.
std::string git_head(const std::filesystem::path& directory);

/// The tags of HEAD, sorted by name.
std::vector<std::string> git_head_tags(const std::filesystem::path& directory);

/// Go's pseudo-version of a commit: v0.0.0-YYYYMMDDHHMMSS-12DIGITS; empty if there is none, or it is not here.
std::string go_pseudo_version(const std::filesystem::path& directory, const std::string& commit);

}  // namespace kiln::package
