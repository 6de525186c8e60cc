#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace kiln::config {

/// A JSON value whose objects keep the order their members were added in: what config.json, runtime.json and the
/// metadata of a configuration are put together from.
class Value {
 public:
  struct Member;
  using List = std::vector<Value>;
  using Object = std::vector<Member>;

  Value() = default;  ///< null
  Value(bool value);  // NOLINT(google-explicit-constructor): a literal stands for itself, here and below
  Value(int value);
  Value(std::int64_t value);
  Value(std::uint64_t value);
  Value(std::uint32_t value);
  Value(const char* value);
  Value(std::string value);
  Value(List value);
  Value(Object value);

  bool is_null() const { return std::holds_alternative<std::monostate>(value_); }
  const std::string* string() const { return std::get_if<std::string>(&value_); }
  const List* list() const { return std::get_if<List>(&value_); }
  const Object* object() const { return std::get_if<Object>(&value_); }
  std::string scalar_text() const;  ///< of null, a boolean or an integer, as JSON and YAML write it

  /// Makes a null an object first.
  Value& add(std::string key, Value value);
  /// Makes a null a list first.
  Value& append(Value value);
  /// No members, no elements, no text, or null.
  bool empty() const;

 private:
  std::variant<std::monostate, bool, std::int64_t, std::uint64_t, std::string, List, Object> value_;
};

struct Value::Member {
  std::string key;
  Value value;
};

/// As Go's json.MarshalIndent(v, "", "    ") writes it: four spaces, empty lists and objects on one line, `<`, `>`,
/// `&`, U+2028 and U+2029 escaped, no newline at the end (spec oci-runtime.md §1). Strings must be UTF-8.
std::string to_go_json(const Value& value);

}  // namespace kiln::config
