#include "cli/fields.h"

#include <nlohmann/json.hpp>

namespace kiln::cli {
namespace {

using Json = nlohmann::ordered_json;

std::string text_of(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

}  // namespace

Fields& Fields::add(std::string_view name, Value value) {
  values_.emplace_back(name, std::move(value));
  return *this;
}

Fields& Fields::add(std::string_view name, const char* text) { return add(name, Value{std::string{text}}); }

std::string Fields::to_json() const {
  // Each value is written by itself and put together here: a recursive lambda over ordered_json would copy each level.
  std::string out = "{";
  for (const auto& [name, value] : values_) {
    if (out.size() > 1) out += ',';
    out += text_of(name) + ":";
    if (const auto* objects = std::get_if<std::vector<Fields>>(&value)) {
      out += '[';
      for (const Fields& object : *objects) out += (&object == objects->data() ? "" : ",") + object.to_json();
      out += ']';
    } else {
      std::visit(
          [&out](const auto& plain) {
            if constexpr (!std::is_same_v<std::decay_t<decltype(plain)>, std::vector<Fields>>) out += text_of(plain);
          },
          value);
    }
  }
  return out + "}";
}

}  // namespace kiln::cli
