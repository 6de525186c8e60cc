#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "config/diagnostics.h"

namespace kiln::config {

/// A value of a YAML document with its type and place. Aliases share the node of their anchor; merge keys are resolved.
struct Node {
  enum class Kind { null, boolean, integer, number, string, sequence, mapping };
  struct Entry {
    std::shared_ptr<const Node> key;  ///< a scalar; its text is the key
    std::shared_ptr<const Node> value;
  };

  Kind kind = Kind::null;
  int line = 0, column = 0;  ///< from 1
  bool plain = false;        ///< a scalar without quotes
  std::string text;          ///< of a scalar, as written
  std::vector<std::shared_ptr<const Node>> items;
  std::vector<Entry> entries;  ///< keys are distinct

  /// The value of a key of a mapping, or null.
  const Node* find(std::string_view key) const;
};

using NodePtr = std::shared_ptr<const Node>;

/// What is refused before it can do harm: larger texts, deeper nesting, more values, and aliases that would expand to
/// more bytes ("billion laughs").
struct Limits {
  std::size_t bytes = 16 << 20;
  /// Of `[`, `{` and `,`, in whatever place: yaml-cpp reads a whole flow collection ahead, 250 bytes for every token
  /// (4 GB and 23 s for 16 MiB of `[` without this limit).
  std::size_t flow_indicators = 500'000;
  std::size_t depth = 100;
  std::size_t nodes = 500'000;
  std::uint64_t expanded_bytes = 64 << 20;
};

/// The first document of a YAML (or JSON) text. On a mistake of syntax, a duplicate key or a crossed limit it is told
/// to `diagnostics`, and null returned.
NodePtr parse_yaml(const std::string& text, const std::string& file, Diagnostics& diagnostics, const Limits& limits);

}  // namespace kiln::config
