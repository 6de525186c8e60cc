#include "inventory/paragraphs.h"

namespace kiln::inventory {

void for_each_paragraph(std::string_view text, const std::function<void(const Line&)>& line,
                        const std::function<void()>& end) {
  bool inside = false;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t newline = text.find('\n');
    std::string_view content = text.substr(0, newline);
    text = newline == std::string_view::npos ? std::string_view{} : text.substr(newline + 1);
    if (content.ends_with('\r')) content.remove_suffix(1);
    const bool is_empty = content.find_first_not_of(" \t") == std::string_view::npos;
    if (!is_empty) line({number, content});
    if (is_empty && inside) end();
    inside = !is_empty;
  }
  if (inside) end();
}

}  // namespace kiln::inventory
