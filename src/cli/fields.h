#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace kiln::cli {

/// A command's result for --json: named values in the order they were added.
class Fields {
 public:
  using Value = std::variant<bool, std::uint64_t, std::string, std::vector<std::string>, std::vector<Fields>>;

  Fields& add(std::string_view name, Value value);
  Fields& add(std::string_view name, const char* text);

  std::string to_json() const;  ///< one object on one line; text that is not UTF-8 gets U+FFFD

 private:
  std::vector<std::pair<std::string, Value>> values_;
};

}  // namespace kiln::cli
