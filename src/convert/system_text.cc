#include "convert/system_text.h"

#include "base/error.h"

namespace kiln::convert {

std::string yaml_text(std::string_view text) {
  constexpr char kHex[] = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += {'\\', c};
    } else if (c == '\n') {
      out += "\\n";
    } else if (byte < 0x20 || byte == 0x7f) {
      out += {'\\', 'x', kHex[byte >> 4], kHex[byte & 15]};
    } else {
      out += c;
    }
  }
  return out + '"';
}

void Block::raw(std::string_view key, std::string_view value) {
  lines_ += concat(indentation_, key, ": ", value, "\n");
}

void Block::text(std::string_view key, std::string_view value) { raw(key, yaml_text(value)); }

void Block::list(std::string_view key, const std::vector<std::string>& items) {
  if (items.empty()) return;
  lines_ += concat(indentation_, key, ":\n");
  for (const std::string& item : items) lines_ += concat(indentation_, "  - ", yaml_text(item), "\n");
}

void Block::flow(std::string_view key, const std::vector<std::string>& items) {
  std::string text;
  for (const std::string& item : items) text += concat(text.empty() ? "" : ", ", yaml_text(item));
  raw(key, concat("[", text, "]"));
}

}  // namespace kiln::convert
