#include "config/value.h"

#include <cassert>

namespace kiln::config {

Value::Value(bool value) : value_{value} {}
Value::Value(int value) : value_{std::int64_t{value}} {}
Value::Value(std::int64_t value) : value_{value} {}
Value::Value(std::uint64_t value) : value_{value} {}
Value::Value(std::uint32_t value) : value_{std::uint64_t{value}} {}
Value::Value(const char* value) : value_{std::string{value}} {}
Value::Value(std::string value) : value_{std::move(value)} {}
Value::Value(List value) : value_{std::move(value)} {}
Value::Value(Object value) : value_{std::move(value)} {}

std::string Value::scalar_text() const {
  if (const bool* boolean = std::get_if<bool>(&value_)) return *boolean ? "true" : "false";
  if (const auto* integer = std::get_if<std::int64_t>(&value_)) return std::to_string(*integer);
  if (const auto* integer = std::get_if<std::uint64_t>(&value_)) return std::to_string(*integer);
  assert(is_null());
  return "null";
}

Value& Value::add(std::string key, Value value) {
  if (is_null()) value_ = Object{};
  std::get<Object>(value_).push_back({std::move(key), std::move(value)});
  return *this;
}

Value& Value::append(Value value) {
  if (is_null()) value_ = List{};
  std::get<List>(value_).push_back(std::move(value));
  return *this;
}

bool Value::empty() const {
  if (const List* items = list()) return items->empty();
  if (const Object* members = object()) return members->empty();
  if (const std::string* text = string()) return text->empty();
  return is_null();
}

namespace {

void write_string(std::string& out, std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  out += '"';
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    switch (c) {
      case '"':
        out += "\\\"";
        continue;
      case '\\':
        out += "\\\\";
        continue;
      case '\n':
        out += "\\n";
        continue;
      case '\r':
        out += "\\r";
        continue;
      case '\t':
        out += "\\t";
        continue;
      case '\b':
        out += "\\b";
        continue;
      case '\f':
        out += "\\f";
        continue;
      default:
        break;
    }
    const auto byte = static_cast<unsigned char>(c);
    const std::string_view rest = text.substr(i, 3);
    if (byte < 0x20 || c == '<' || c == '>' || c == '&') {
      out += "\\u00";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    } else if (rest == "\xe2\x80\xa8" || rest == "\xe2\x80\xa9") {
      out += rest.back() == '\xa8' ? "\\u2028" : "\\u2029";
      i += 2;
    } else {
      out += c;
    }
  }
  out += '"';
}

void write(std::string& out, const Value& value, std::size_t depth);

void new_line(std::string& out, std::size_t depth) {
  out += '\n';
  out.append(4 * depth, ' ');
}

void write_list(std::string& out, const Value::List& items, std::size_t depth) {
  out += '[';
  for (const Value& item : items) {
    if (&item != &items.front()) out += ',';
    new_line(out, depth + 1);
    write(out, item, depth + 1);
  }
  if (!items.empty()) new_line(out, depth);
  out += ']';
}

void write_object(std::string& out, const Value::Object& members, std::size_t depth) {
  out += '{';
  for (const Value::Member& member : members) {
    if (&member != &members.front()) out += ',';
    new_line(out, depth + 1);
    write_string(out, member.key);
    out += ": ";
    write(out, member.value, depth + 1);
  }
  if (!members.empty()) new_line(out, depth);
  out += '}';
}

void write(std::string& out, const Value& value, std::size_t depth) {
  if (const Value::List* items = value.list()) return write_list(out, *items, depth);
  if (const Value::Object* members = value.object()) return write_object(out, *members, depth);
  if (const std::string* text = value.string()) return write_string(out, *text);
  out += value.scalar_text();
}

}  // namespace

std::string to_go_json(const Value& value) {
  std::string out;
  write(out, value, 0);
  return out;
}

}  // namespace kiln::config
