#include "package/glob.h"

#include <algorithm>

namespace kiln::package {
namespace {

/// The `[...]` at the start of `pattern`: its length, 0 if it never closes (then `[` stands for itself), and whether
/// it has `character`.
struct Set {
  std::size_t length = 0;
  bool has = false;
};

Set match_set(std::string_view pattern, char character) {
  std::size_t i = 1;
  const bool negated = i < pattern.size() && (pattern[i] == '!' || pattern[i] == '^');
  if (negated) ++i;
  bool found = false;
  for (const std::size_t first = i; i < pattern.size(); ++i) {
    if (pattern[i] == ']' && i > first) return {i + 1, found != negated};
    const bool is_range = i + 2 < pattern.size() && pattern[i + 1] == '-' && pattern[i + 2] != ']';
    const char low = pattern[i];
    const char high = is_range ? pattern[i + 2] : low;
    found = found || (low <= character && character <= high);
    if (is_range) i += 2;
  }
  return {};
}

/// How many characters of the pattern take exactly this character, 0 if they do not. Not for `*`.
std::size_t match_one(std::string_view pattern, char character) {
  switch (pattern.front()) {
    case '?':
      return character != '/' ? 1 : 0;
    case '[':
      if (const Set set = match_set(pattern, character); set.length > 0) {
        return set.has && character != '/' ? set.length : 0;
      }
      return character == '[' ? 1 : 0;
    case '\\':
      if (pattern.size() > 1) return pattern[1] == character ? 2 : 0;
      [[fallthrough]];
    default:
      return pattern.front() == character ? 1 : 0;
  }
}

/// A `*` or `**` met last of its kind: where to go on in the pattern, and how much of the path it has taken so far.
struct Star {
  std::size_t pattern = std::string_view::npos;
  std::size_t path = 0;
  bool seen() const { return pattern != std::string_view::npos; }
};

}  // namespace

// Backtracks to the last star only, and from a `*` that cannot go over `/` to the last `**`: each retry moves a star
// forwards, so the time is bounded by pattern x path even for hostile patterns.
bool glob_matches(std::string_view pattern, std::string_view path) {
  Star star, double_star;
  std::size_t p = 0;
  std::size_t s = 0;
  while (true) {
    if (p < pattern.size() && pattern[p] == '*') {
      const std::size_t end = std::min(pattern.find_first_not_of('*', p), pattern.size());
      Star& here = end - p > 1 ? double_star : star;
      if (end - p > 1) star = {};
      here = {end, s};
      p = end;
      continue;
    }
    if (s == path.size() && p == pattern.size()) return true;
    if (s < path.size() && p < pattern.size()) {
      if (const std::size_t length = match_one(pattern.substr(p), path[s]); length > 0) {
        p += length;
        ++s;
        continue;
      }
    }
    if (star.seen() && star.path < path.size() && path[star.path] != '/') {
      s = ++star.path;
      p = star.pattern;
    } else if (double_star.seen() && double_star.path < path.size()) {
      s = ++double_star.path;
      p = double_star.pattern;
      star = {};
    } else {
      return false;
    }
  }
}

bool is_glob(std::string_view text) { return text.find_first_of("*?[\\") != std::string_view::npos; }

}  // namespace kiln::package
