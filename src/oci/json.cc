#include "oci/json.h"

#include <limits>
#include <nlohmann/json.hpp>

#include "base/error.h"

namespace kiln::oci {
namespace {

constexpr int kMaxDepth = 64;

std::string article(const nlohmann::json& value) {
  const std::string_view name = value.type_name();
  const bool vowel = name.starts_with('a') || name.starts_with('o');
  return concat(vowel ? "an " : "a ", name);
}

template <typename Json>
std::string dump(const Json& value, int indent) {
  try {
    return value.dump(indent);
  } catch (const nlohmann::json::exception&) {
    throw Error{"writing JSON: a text in it is not UTF-8"};
  }
}

}  // namespace

nlohmann::json parse_json(std::string_view text, std::string_view name) {
  // A parser that recurses, here or in whoever reads the store after us, must not be given endless "[[[[".
  const auto limit_depth = [&](int depth, nlohmann::json::parse_event_t, nlohmann::json&) {
    if (depth > kMaxDepth) throw Error{name, ": it is nested deeper than ", kMaxDepth, " levels"};
    return true;
  };
  try {
    return nlohmann::json::parse(text, limit_depth);
  } catch (const nlohmann::json::parse_error& error) {
    if (text.empty()) throw Error{name, ": it is empty, expected JSON"};
    throw Error{name, ": it is not valid JSON: syntax error or truncation at byte ", error.byte, " of ", text.size()};
  } catch (const nlohmann::json::exception&) {
    throw Error{name, ": it is not valid JSON: a number is out of range"};
  }
}

std::string dump_json(const nlohmann::json& value, int indent) { return dump(value, indent); }
std::string dump_json(const nlohmann::ordered_json& value, int indent) { return dump(value, indent); }

JsonView::JsonView(const nlohmann::json& value, const JsonView& parent, std::string step)
    : value_{&value}, document_{parent.document_}, path_{parent.path_ + std::move(step)} {}

void JsonView::fail(std::string_view complaint) const {
  if (path_.empty()) throw Error{document_, ": ", complaint};
  throw Error{document_, ": ", std::string_view{path_}.substr(path_.starts_with('.') ? 1 : 0), ": ", complaint};
}

void JsonView::expect(bool good, std::string_view what) const {
  if (!good) fail(concat("expected ", what, ", got ", article(*value_)));
}

std::optional<JsonView> JsonView::member(const char* key) const {
  expect(value_->is_object(), "an object");
  const auto found = value_->find(key);
  if (found == value_->end() || found->is_null()) return std::nullopt;
  return JsonView{*found, *this, concat(".", key)};
}

JsonView JsonView::required(const char* key) const {
  if (auto found = member(key)) return *std::move(found);
  fail(concat("it has no ", quote(key)));
}

std::vector<std::string> JsonView::keys() const {
  expect(value_->is_object(), "an object");
  std::vector<std::string> out;
  for (const auto& [key, value] : value_->items()) out.push_back(key);
  return out;
}

std::string JsonView::text() const {
  expect(value_->is_string(), "a string");
  return value_->get<std::string>();
}

std::uint64_t JsonView::size() const {
  expect(value_->is_number_unsigned(), "a size");
  const auto value = value_->get<std::uint64_t>();
  if (value > std::numeric_limits<std::int64_t>::max()) fail("the size is too large");
  return value;
}

double JsonView::number() const {
  expect(value_->is_number(), "a number");
  return value_->get<double>();
}

bool JsonView::flag() const {
  expect(value_->is_boolean(), "true or false");
  return value_->get<bool>();
}

std::vector<JsonView> JsonView::items() const {
  expect(value_->is_array(), "an array");
  std::vector<JsonView> out;
  out.reserve(value_->size());
  for (const auto& item : *value_) out.push_back(JsonView{item, *this, concat("[", out.size(), "]")});
  return out;
}

std::vector<std::string> JsonView::texts() const {
  std::vector<std::string> out;
  for (const JsonView& item : items()) out.push_back(item.text());
  return out;
}

std::map<std::string, std::string> JsonView::text_map() const {
  expect(value_->is_object(), "an object");
  std::map<std::string, std::string> out;
  for (const auto& [key, value] : value_->items()) {
    out.emplace(key, JsonView{value, *this, concat("[", quote(key), "]")}.text());
  }
  return out;
}

std::string JsonView::text(const char* key) const {
  const auto found = member(key);
  return found ? found->text() : std::string{};
}

bool JsonView::flag(const char* key) const {
  const auto found = member(key);
  return found && found->flag();
}

std::vector<JsonView> JsonView::items(const char* key) const {
  const auto found = member(key);
  return found ? found->items() : std::vector<JsonView>{};
}

std::vector<std::string> JsonView::texts(const char* key) const {
  const auto found = member(key);
  return found ? found->texts() : std::vector<std::string>{};
}

std::map<std::string, std::string> JsonView::text_map(const char* key) const {
  const auto found = member(key);
  return found ? found->text_map() : std::map<std::string, std::string>{};
}

}  // namespace kiln::oci
