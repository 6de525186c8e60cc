#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "build/plan.h"

namespace kiln::build {

/// An entry some part wants in the root tree, under its full path.
struct RootItem {
  std::string_view path;
  std::uint32_t part = 0;
  Entry entry;              ///< its prefix and path together are `path`
  bool implied = false;     ///< a parent directory nobody described: gives way to any other directory
  std::string_view target;  ///< of a symlink
};

/// Lets the parts of the root tree override each other as unpacking them one after the other would:
///  - the later part wins a path; a directory keeps what earlier parts put into it and takes the later metadata;
///  - a non-directory that replaces a directory removes what was in it;
///  - where one part has a symlink to a directory and another puts files below that path (/lib -> usr/lib and
///    /lib/modules), the symlink stays and the files go where it points, whichever came first. Unpacking would lose the
///    link or the files, depending on the order.
/// The survivors, each with the part that must contain it (a directory: the first part that needs it), sorted by
/// (part, path). `strings` keeps the paths that had to be rewritten.
std::vector<RootItem> resolve_root(std::vector<RootItem> items, std::deque<std::string>& strings);

/// Adds an implied item of `parent` for every parent directory that a part uses without having it.
/// `items` of one part, sorted by path; so is the result.
std::vector<RootItem> with_parents(const std::vector<RootItem>& items, const Entry& parent);

}  // namespace kiln::build
