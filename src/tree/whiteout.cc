#include "tree/whiteout.h"

namespace kiln::tree {
namespace {

constexpr std::string_view kPrefix = ".wh.";
constexpr std::string_view kMetaPrefix = ".wh..wh.";
constexpr std::string_view kOpaque = ".wh..wh..opq";

std::size_t base_offset(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? 0 : slash + 1;
}

}  // namespace

Whiteout classify_whiteout(std::string_view path) {
  const std::string_view base = path.substr(base_offset(path));
  const std::string_view directory = path.substr(0, path.size() - base.size());
  // The prefix is reserved, so what lies in a directory of such a name is no part of the tree either.
  if (directory.starts_with(kPrefix) || directory.find("/.wh.") != std::string_view::npos) return Whiteout::plumbing;
  if (!base.starts_with(kPrefix)) return Whiteout::none;
  if (base == kOpaque) return Whiteout::opaque;
  return base.starts_with(kMetaPrefix) ? Whiteout::plumbing : Whiteout::file;
}

WhiteoutSubject whiteout_subject(std::string_view path, Whiteout whiteout) {
  const std::size_t base = base_offset(path);
  if (whiteout == Whiteout::opaque) return {path.substr(0, base == 0 ? 0 : base - 1), {}};
  return {path.substr(0, base), path.substr(base + kPrefix.size())};
}

}  // namespace kiln::tree
