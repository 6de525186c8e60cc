#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace kiln::convert {

// Internal to this folder: YAML as a person would write it.

/// A scalar in double quotes, so that no text is taken for a number, a truth value or an anchor.
std::string yaml_text(std::string_view text);

/// The keys of one mapping, each a line or a list below it.
class Block {
 public:
  explicit Block(std::size_t indentation) : indentation_(indentation, ' ') {}

  void raw(std::string_view key, std::string_view value);                  ///< as it is: numbers, flow collections
  void text(std::string_view key, std::string_view value);                 ///< quoted
  void list(std::string_view key, const std::vector<std::string>& items);  ///< quoted, one a line; nothing if empty
  void flow(std::string_view key, const std::vector<std::string>& items);  ///< quoted, in one line
  const std::string& lines() const { return lines_; }

 private:
  std::string indentation_;
  std::string lines_;
};

}  // namespace kiln::convert
