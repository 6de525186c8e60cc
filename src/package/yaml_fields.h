#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "config/diagnostics.h"
#include "config/node.h"

namespace kiln::package {

/// Reads a mapping of a closed schema key by key and collects mistakes.
class YamlFields {
 public:
  /// `what` is how errors call the mapping, for example "debian.kernel"; empty for the document.
  YamlFields(const config::Node& node, std::string what, std::string file, config::Diagnostics& diagnostics);

  /// The value of the key; null if it is absent.
  const config::Node* node(const char* key);
  std::optional<std::string> text(const char* key);
  std::optional<bool> boolean(const char* key);
  std::optional<std::uint32_t> octal(const char* key);   ///< a file mode, in quotes or not
  std::optional<std::uint32_t> number(const char* key);  ///< unsigned, decimal
  struct Text {
    std::string text;
    config::Position where;
  };
  std::optional<std::vector<Text>> texts(const char* key);  ///< null counts as an empty list
  std::optional<std::vector<std::string>> strings(const char* key);

  config::Position where() const { return position(node_); }
  config::Position position(const config::Node& node) const;
  void error(const config::Node& node, std::string message, std::string hint = "");

  /// Complains of every key nobody asked for.
  void finish();

 private:
  std::string label(const char* key) const;

  const config::Node& node_;
  std::string what_, file_;
  config::Diagnostics& diagnostics_;
  std::set<std::string> known_;
};

/// What a node is, for messages: "text", "a list", "a mapping", "nothing".
const char* yaml_kind(const config::Node& node);

bool is_yaml_scalar(const config::Node& node);  ///< not null, a list or a mapping

}  // namespace kiln::package
