#include "modules/pattern.h"

#include <cstddef>

namespace guest {
namespace {

/// Matches `c` against the bracket expression at pattern[at] == '['; sets `after` behind its ']'. An unclosed one
/// matches nothing.
bool matches_bracket(std::string_view pattern, std::size_t at, char c, std::size_t& after) {
  std::size_t i = at + 1;
  bool negated = i < pattern.size() && (pattern[i] == '!' || pattern[i] == '^');
  if (negated) ++i;
  bool found = false;
  for (bool first = true; i < pattern.size() && (first || pattern[i] != ']'); first = false) {
    char low = pattern[i];
    char high = low;
    if (i + 2 < pattern.size() && pattern[i + 1] == '-' && pattern[i + 2] != ']') {
      high = pattern[i + 2];
      i += 2;
    }
    found = found || (low <= c && c <= high);
    ++i;
  }
  if (i >= pattern.size()) return false;
  after = i + 1;
  return found != negated;
}

}  // namespace

bool matches_pattern(std::string_view pattern, std::string_view text) {
  // On a mismatch only the last '*' needs to be tried again with one more character: earlier ones already matched as
  // early as possible.
  std::size_t star = std::string_view::npos;
  std::size_t star_text = 0;
  std::size_t p = 0;
  std::size_t t = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      star_text = t;
      continue;
    }
    std::size_t after = p + 1;
    bool matched = p < pattern.size() && (pattern[p] == '[' ? matches_bracket(pattern, p, text[t], after)
                                                            : pattern[p] == '?' || pattern[p] == text[t]);
    if (matched) {
      p = after;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++star_text;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

}  // namespace guest
