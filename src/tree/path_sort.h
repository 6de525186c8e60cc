#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace kiln::tree {

/// Something with a path, to be sorted by it. 32 bytes, as there are as many of them as there are files.
struct PathItem {
  std::uint64_t key = 0;  ///< scratch of the sort
  const char* data = nullptr;
  std::uint32_t layer = 0;
  std::uint32_t entry = 0;
  std::uint16_t size = 0;
  std::uint8_t kind = 0;
  std::uint8_t meaning = 0;

  std::string_view path() const { return {data, size}; }
  /// When it came: later entries, and entries of later layers, have a greater time.
  std::uint64_t time() const { return std::uint64_t{layer} << 32 | entry; }
};
static_assert(sizeof(PathItem) == 32);

/// Sorts by path, byte-wise on components, so that a directory precedes its content and this everything after the
/// directory; equal paths by time.
void sort_by_path(std::span<PathItem> items);

/// The order of sort_by_path() for two paths: negative, 0 or positive.
int compare_paths(std::string_view a, std::string_view b);

/// Whether `path` lies below `directory`; everything lies below the root, which is empty.
inline bool is_below(std::string_view path, std::string_view directory) {
  if (directory.empty()) return !path.empty();
  return path.size() > directory.size() && path[directory.size()] == '/' && path.starts_with(directory);
}

}  // namespace kiln::tree
