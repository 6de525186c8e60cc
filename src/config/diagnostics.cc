#include "config/diagnostics.h"

#include <algorithm>
#include <tuple>

#include "base/error.h"

namespace kiln::config {

std::string Position::to_string() const {
  if (line == 0) return file;
  return column == 0 ? concat(file, ":", line) : concat(file, ":", line, ":", column);
}

void Diagnostics::error(const Position& where, std::string message, std::string hint) {
  errors_.push_back({where, std::move(message), std::move(hint)});
}

void Diagnostics::throw_if_any() const {
  if (errors_.empty()) return;
  std::vector<Mistake> sorted = errors_;
  // Files keep the order they were given in; a stable sort within each also keeps mistakes at one place in order.
  const auto rank = [&](const Mistake& mistake) {
    return std::find_if(errors_.begin(), errors_.end(),
                        [&](const Mistake& other) { return other.where.file == mistake.where.file; }) -
           errors_.begin();
  };
  std::stable_sort(sorted.begin(), sorted.end(), [&](const Mistake& a, const Mistake& b) {
    return std::tuple{rank(a), a.where.line, a.where.column} < std::tuple{rank(b), b.where.line, b.where.column};
  });
  std::string text;
  for (const Mistake& mistake : sorted) {
    if (!text.empty()) text += '\n';
    text += concat(mistake.where.to_string(), ": ", mistake.message);
    if (!mistake.hint.empty() && sorted.size() > 1) text += concat(" (", mistake.hint, ")");
  }
  throw sorted.size() == 1 ? Error{text}.with_hint(sorted.front().hint) : Error{text};
}

}  // namespace kiln::config
