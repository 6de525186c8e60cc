#include "tree/layer_path.h"

#include <algorithm>

#include "base/error.h"

namespace kiln::tree {
namespace {

constexpr std::size_t kMaxName = 255;  // NAME_MAX

/// Most paths are clean but for a leading "./" or a trailing slash; those need no component by component work.
bool is_clean(std::string_view path) {
  std::size_t begin = 0;
  for (;;) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view name = path.substr(begin, end - begin);
    if (name.empty() || name == "." || name == ".." || name.size() > kMaxName) return false;
    if (end == path.size()) return true;
    begin = end + 1;
  }
}

void drop_last(std::string& path) {
  const std::size_t slash = path.rfind('/');
  path.resize(slash == std::string::npos ? 0 : slash);
}

}  // namespace

std::string clean_layer_path(std::string_view path) {
  if (path.starts_with("./")) path.remove_prefix(2);
  if (path.ends_with('/')) path.remove_suffix(1);
  if (is_clean(path)) return std::string{path};
  std::string out;
  while (!path.empty()) {
    const std::size_t end = std::min(path.find('/'), path.size());
    const std::string_view name = path.substr(0, end);
    path.remove_prefix(std::min(end + 1, path.size()));
    if (name.empty() || name == ".") continue;
    if (name == "..") {
      if (out.empty()) throw Error{"it leads out of the image's root"};
      drop_last(out);
      continue;
    }
    if (name.size() > kMaxName) throw Error{"a name in it has ", name.size(), " bytes, Linux allows ", kMaxName};
    if (!out.empty()) out += '/';
    out += name;
  }
  return out;
}

}  // namespace kiln::tree
