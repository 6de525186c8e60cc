#pragma once

#include <algorithm>
#include <string_view>

namespace kiln::build {

/// Whether path `a` comes before `b` when compared component by component, byte-wise: a directory precedes what is in
/// it, and all that is in it precedes its next sibling. The order of tree::merge.
inline bool path_less(std::string_view a, std::string_view b) {
  const auto [in_a, in_b] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  if (in_b == b.end()) return false;
  if (in_a == a.end()) return true;
  if (*in_a == '/') return true;
  if (*in_b == '/') return false;
  return static_cast<unsigned char>(*in_a) < static_cast<unsigned char>(*in_b);
}

/// Whether `path` lies below `directory` (not the directory itself). Everything lies below "".
inline bool is_below(std::string_view path, std::string_view directory) {
  if (directory.empty()) return !path.empty();
  return path.size() > directory.size() && path.starts_with(directory) && path[directory.size()] == '/';
}

/// "a/b" of "a/b/c"; "" of "a".
inline std::string_view parent_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view{} : path.substr(0, slash);
}

}  // namespace kiln::build
