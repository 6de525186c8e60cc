#pragma once

#include <string>
#include <vector>

namespace kiln::config {

/// Where in a configuration something stands; line and column count from 1, 0 is unknown.
struct Position {
  std::string file;
  int line = 0;
  int column = 0;
  std::string to_string() const;  ///< "os.yml:12:3"
};

/// The mistakes of a configuration, collected so that they can be shown together.
class Diagnostics {
 public:
  void error(const Position& where, std::string message, std::string hint = "");
  bool empty() const { return errors_.empty(); }
  /// Throws one Error with all mistakes, one a line, sorted by position; does nothing when there are none.
  void throw_if_any() const;

 private:
  struct Mistake {
    Position where;
    std::string message, hint;
  };
  std::vector<Mistake> errors_;
};

}  // namespace kiln::config
