#pragma once

#include <cstddef>
#include <functional>
#include <string_view>

namespace kiln::inventory {

/// A line of a text with its number, from 1, without its end.
struct Line {
  std::size_t number = 0;
  std::string_view text;
};

/// Calls `line` for each line of the text, and `end` where a paragraph ends: at empty lines and at the end of the text,
/// if there were lines since the last one.
void for_each_paragraph(std::string_view text, const std::function<void(const Line&)>& line,
                        const std::function<void()>& end);

}  // namespace kiln::inventory
