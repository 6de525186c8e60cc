#include "package/yaml_fields.h"

#include <algorithm>
#include <numeric>

#include "base/error.h"

namespace kiln::package {
namespace {

/// The least number of single-character changes from one word to the other.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, diagonal + 1});
    }
  }
  return row.back();
}

std::string nearest_hint(std::string_view key, const std::set<std::string>& known) {
  const std::string* best = nullptr;
  std::size_t least = std::max<std::size_t>(2, key.size() / 3) + 1;
  for (const std::string& candidate : known) {
    const std::size_t distance = edit_distance(key, candidate);
    if (distance < least) {
      least = distance;
      best = &candidate;
    }
  }
  if (best != nullptr) return concat("did you mean ", quote(*best), "?");
  std::string all;
  for (const std::string& candidate : known) all += concat(all.empty() ? "" : ", ", candidate);
  return concat("known keys: ", all);
}

std::optional<std::uint32_t> parse_number(const std::string& text, unsigned base) {
  if (text.empty() || text.size() > 11) return std::nullopt;
  std::uint64_t value = 0;
  for (const char c : text) {
    if (c < '0' || static_cast<unsigned>(c - '0') >= base) return std::nullopt;
    value = value * base + static_cast<unsigned>(c - '0');
  }
  if (value > UINT32_MAX) return std::nullopt;
  return static_cast<std::uint32_t>(value);
}

}  // namespace

const char* yaml_kind(const config::Node& node) {
  switch (node.kind) {
    case config::Node::Kind::null:
      return "nothing";
    case config::Node::Kind::sequence:
      return "a list";
    case config::Node::Kind::mapping:
      return "a mapping";
    default:
      return "text";
  }
}

bool is_yaml_scalar(const config::Node& node) {
  return node.kind != config::Node::Kind::null && node.kind != config::Node::Kind::sequence &&
         node.kind != config::Node::Kind::mapping;
}

YamlFields::YamlFields(const config::Node& node, std::string what, std::string file, config::Diagnostics& diagnostics)
    : node_{node}, what_{std::move(what)}, file_{std::move(file)}, diagnostics_{diagnostics} {
  if (node_.kind != config::Node::Kind::mapping) {
    error(node_, concat(what_.empty() ? "the document" : what_, ": expected a mapping, got ", yaml_kind(node_)));
  }
}

std::string YamlFields::label(const char* key) const { return what_.empty() ? key : concat(what_, ".", key); }

config::Position YamlFields::position(const config::Node& node) const { return {file_, node.line, node.column}; }

void YamlFields::error(const config::Node& node, std::string message, std::string hint) {
  diagnostics_.error(position(node), std::move(message), std::move(hint));
}

const config::Node* YamlFields::node(const char* key) {
  known_.insert(key);
  return node_.find(key);
}

std::optional<std::string> YamlFields::text(const char* key) {
  const config::Node* value = node(key);
  if (value == nullptr) return std::nullopt;
  if (is_yaml_scalar(*value)) return value->text;
  error(*value, concat(label(key), ": expected text, got ", yaml_kind(*value)));
  return std::nullopt;
}

std::optional<bool> YamlFields::boolean(const char* key) {
  const config::Node* value = node(key);
  if (value == nullptr) return std::nullopt;
  if (value->kind == config::Node::Kind::boolean) return value->text[0] == 't' || value->text[0] == 'T';
  error(*value, concat(label(key), ": expected true or false, got ",
                       is_yaml_scalar(*value) ? quote(value->text) : std::string{yaml_kind(*value)}));
  return std::nullopt;
}

std::optional<std::uint32_t> YamlFields::octal(const char* key) {
  const auto given = text(key);
  if (!given) return std::nullopt;
  const auto value = parse_number(*given, 8);
  if (value && *value <= 07777) return value;
  error(*node(key), concat(label(key), ": ", quote(*given), " is not a file mode"), "write octal digits: \"0755\"");
  return std::nullopt;
}

std::optional<std::uint32_t> YamlFields::number(const char* key) {
  const auto given = text(key);
  if (!given) return std::nullopt;
  if (const auto value = parse_number(*given, 10)) return value;
  error(*node(key), concat(label(key), ": expected a number from 0 to 4294967295, got ", quote(*given)));
  return std::nullopt;
}

std::optional<std::vector<YamlFields::Text>> YamlFields::texts(const char* key) {
  const config::Node* value = node(key);
  if (value == nullptr) return std::nullopt;
  std::vector<Text> list;
  if (value->kind == config::Node::Kind::null) return list;
  if (value->kind != config::Node::Kind::sequence) {
    error(*value, concat(label(key), ": expected a list, got ", yaml_kind(*value)));
    return std::nullopt;
  }
  for (const config::NodePtr& item : value->items) {
    if (is_yaml_scalar(*item))
      list.push_back({item->text, position(*item)});
    else
      error(*item, concat(label(key), ": expected text in the list, got ", yaml_kind(*item)));
  }
  return list;
}

std::optional<std::vector<std::string>> YamlFields::strings(const char* key) {
  const auto list = texts(key);
  if (!list) return std::nullopt;
  std::vector<std::string> plain;
  for (const Text& item : *list) plain.push_back(item.text);
  return plain;
}

void YamlFields::finish() {
  for (const config::Node::Entry& entry : node_.entries) {
    if (known_.count(entry.key->text)) continue;
    error(*entry.key, concat("unknown key ", quote(entry.key->text), what_.empty() ? "" : " in ", what_),
          nearest_hint(entry.key->text, known_));
  }
}

}  // namespace kiln::package
