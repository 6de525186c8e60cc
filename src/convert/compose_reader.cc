#include "convert/compose_reader.h"

#include "base/error.h"

namespace kiln::convert {

using config::Node;

void ComposeReader::error(const Node& node, std::string message, std::string hint) {
  diagnostics_.error(position(node), std::move(message), std::move(hint));
}

void ComposeReader::remark(const Node& node, std::string message) {
  remarks_.push_back({position(node), std::move(message)});
}

std::string ComposeReader::text(const Node& node) {
  if (node.kind == Node::Kind::sequence || node.kind == Node::Kind::mapping) {
    error(node, "expected a single value");
    return {};
  }
  try {
    return interpolate(node.text, surroundings_.variables, [&](const std::string& name) {
      remark(node, concat("variable ", quote(name), " is not set: it is taken as empty"));
    });
  } catch (const Error& failed) {
    error(node, failed.message());
    return {};
  }
}

std::vector<std::string> ComposeReader::texts(const Node& node) {
  if (node.kind == Node::Kind::null) return {};
  if (node.kind != Node::Kind::sequence) return {text(node)};
  std::vector<std::string> out;
  for (const auto& item : node.items) out.push_back(text(*item));
  return out;
}

bool ComposeReader::flag(const Node& node) {
  const std::string value = text(node);
  if (value != "true" && value != "false") error(node, concat("expected true or false, got ", quote(value)));
  return value == "true";
}

std::map<std::string, std::string> ComposeReader::pairs(const Node& node) {
  std::map<std::string, std::string> out;
  const auto add = [&](const std::string& name, std::optional<std::string> value) {
    if (!value) value = surroundings_.variables(name);
    if (value) out[name] = *value;
  };
  if (node.kind == Node::Kind::mapping) {
    for (const auto& [key, value] : node.entries) {
      add(key->text, value->kind == Node::Kind::null ? std::nullopt : std::optional{text(*value)});
    }
    return out;
  }
  for (const std::string& entry : texts(node)) {
    const std::size_t equals = entry.find('=');
    add(entry.substr(0, equals), equals == std::string::npos ? std::nullopt : std::optional{entry.substr(equals + 1)});
  }
  return out;
}

}  // namespace kiln::convert
