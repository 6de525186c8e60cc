#include "config/yaml_emitter.h"

#include <regex>
#include <string_view>

#include "config/scalar.h"

namespace kiln::config {
namespace {

std::size_t character_length(unsigned char first) { return first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4; }

/// What the library writes as it is: it escapes tabs, DEL, C1 controls, U+FEFF and everything beyond the basic plane.
bool is_printable(std::string_view character) {
  const auto first = static_cast<unsigned char>(character[0]);
  if (character.size() == 1) return first == '\n' || (first >= 0x20 && first <= 0x7e);
  if (character.size() == 2) return character >= "\xc2\xa0";
  return character.size() == 3 && character != "\xef\xbb\xbf" && character < "\xef\xbf\xbe";
}

/// Whether the library's reader would take the word for a date: it would come back as one.
bool is_date(const std::string& text) {
  static const std::regex kDate{
      R"(\d{4}-\d{1,2}-\d{1,2}([Tt]\d{1,2}:\d{1,2}:\d{1,2}(\.\d+)?(Z|[-+]\d\d:\d\d)| \d{1,2}:\d{1,2}:\d{1,2}(\.\d+)?)?)"};
  return text.size() < 64 && std::regex_match(text, kDate);
}

/// YAML 1.1 knew numbers of base 60, so 10:30 is quoted.
bool is_base_60(const std::string& text) {
  static const std::regex kBase60{R"([-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?)"};
  return text.size() < 64 && std::regex_match(text, kBase60);
}

/// YAML 1.1's words for true and false.
bool is_old_boolean(std::string_view text) {
  static constexpr std::string_view kWords[] = {"y", "Y", "yes", "Yes", "YES", "on",  "On",  "ON",
                                                "n", "N", "no",  "No",  "NO",  "off", "Off", "OFF"};
  for (std::string_view word : kWords)
    if (word == text) return true;
  return false;
}

bool reads_as_string(const std::string& text) {
  return plain_scalar_kind(text) == Node::Kind::string && !is_old_boolean(text) && !is_date(text) && !is_base_60(text);
}

/// Which styles can hold a text (the analysis of libyaml's emitter, in a block context).
struct Analysis {
  bool plain = true, single_quoted = true, block = true;
};

bool is_blank_or_end(std::string_view text, std::size_t at) {
  return at >= text.size() || text[at] == ' ' || text[at] == '\n';
}

/// A character that means something to YAML where it stands.
bool is_indicator(std::string_view text, std::size_t at) {
  const char c = text[at];
  const bool followed = is_blank_or_end(text, at + 1);
  if (c == ':') return followed;
  if (at == 0)
    return std::string_view{"#,[]{}&*!|>'\"%@`"}.find(c) != std::string_view::npos ||
           ((c == '-' || c == '?') && followed);
  return c == '#' && is_blank_or_end(text, at - 1);
}

Analysis analyze(std::string_view text) {
  Analysis result;
  const auto is_space = [&](std::size_t i) { return text[i] == ' '; };
  const auto is_break = [&](std::size_t i) { return text[i] == '\n'; };
  if (text.starts_with("---") || text.starts_with("...")) result.plain = false;
  if (text.find('\n') != std::string_view::npos) result.plain = false;
  const std::size_t last = text.size() - 1;
  if (is_space(0) || is_break(0) || is_space(last) || is_break(last)) result.plain = false;
  if (is_space(last)) result.block = false;
  for (std::size_t i = 0; i < text.size(); i += character_length(static_cast<unsigned char>(text[i]))) {
    if (is_indicator(text, i)) result.plain = false;
    if (i > 0 && is_space(i) && is_break(i - 1)) result.plain = result.single_quoted = false;
    const bool space_break = i > 0 && is_break(i) && is_space(i - 1);
    const std::string_view character = text.substr(i, character_length(static_cast<unsigned char>(text[i])));
    if (space_break || !is_printable(character)) return {false, false, false};
  }
  return result;
}

class Emitter {
 public:
  explicit Emitter(const YamlFormat& format) : format_{format} {}

  std::string take() { return std::move(out_); }

  /// A mapping whose keys stand at `indent`; the first is written where the line is ("- name: …").
  void mapping(const Value::Object& members, std::size_t indent, bool continues_line) {
    for (const Value::Member& member : members) {
      if (!continues_line) new_line(indent);
      continues_line = false;
      text(member.key, indent, false);
      out_ += ':';
      ++column_;
      value(member.value, indent);
    }
  }

  void finish() {
    if (column_ != 0) out_ += '\n';
  }

 private:
  /// Version 3 rounds down to whole levels, so that what hangs below a list item is less deep than it might be.
  std::size_t deeper(std::size_t indent) const { return format_.indent * (indent / format_.indent + 1); }

  bool is_wide() const { return format_.width != 0 && column_ > format_.width; }

  void new_line(std::size_t indent) {
    if (column_ != 0) out_ += '\n';
    out_.append(indent, ' ');
    column_ = indent;
  }

  void put(std::string_view piece, std::size_t columns) {
    out_ += piece;
    column_ += columns;
  }
  void put(std::string_view ascii) { put(ascii, ascii.size()); }

  /// What follows a key.
  void value(const Value& value, std::size_t indent) {
    const Value::Object* members = value.object();
    const Value::List* items = value.list();
    if (members && !members->empty()) return mapping(*members, deeper(indent), false);
    if (items && !items->empty()) return sequence(*items, format_.indented_lists ? deeper(indent) : indent);
    put(" ");
    scalar(value, deeper(indent));
  }

  void sequence(const Value::List& items, std::size_t indent) {
    for (const Value& item : items) {
      new_line(indent);
      put("- ");
      const Value::Object* members = item.object();
      if (members && !members->empty()) {
        mapping(*members, indent + 2, true);
      } else {
        scalar(item, indent + 2);
      }
    }
  }

  void scalar(const Value& value, std::size_t indent) {
    if (value.object()) return put("{}");
    if (value.list()) return put("[]");
    if (const std::string* string = value.string()) return text(*string, indent, true);
    put(value.scalar_text());
  }

  void text(const std::string& text, std::size_t indent, bool may_break) {
    if (text.empty()) return put("\"\"");
    const Analysis analysis = analyze(text);
    const bool several_lines = text.find('\n') != std::string::npos;
    if (several_lines && analysis.block && may_break) return literal(text, indent);
    if (several_lines || !reads_as_string(text)) return double_quoted(text, indent, may_break);
    if (analysis.plain) return plain(text, indent, may_break);
    if (analysis.single_quoted) return single_quoted(text, indent, may_break);
    double_quoted(text, indent, may_break);
  }

  /// True if a space is better written as a line break: the first one past the width that stands alone.
  bool folds_at(std::string_view text, std::size_t at, bool may_break) const {
    const bool alone = (at == 0 || text[at - 1] != ' ') && at + 1 < text.size() && text[at + 1] != ' ';
    return may_break && text[at] == ' ' && alone && is_wide();
  }

  void plain(std::string_view text, std::size_t indent, bool may_break) {
    for (std::size_t i = 0; i < text.size();) {
      const std::size_t length = character_length(static_cast<unsigned char>(text[i]));
      if (folds_at(text, i, may_break)) {
        new_line(indent);
      } else {
        put(text.substr(i, length), 1);
      }
      i += length;
    }
  }

  void single_quoted(std::string_view text, std::size_t indent, bool may_break) {
    put("'");
    for (std::size_t i = 0; i < text.size();) {
      const std::size_t length = character_length(static_cast<unsigned char>(text[i]));
      if (i > 0 && folds_at(text, i, may_break)) {
        new_line(indent);
      } else {
        if (text[i] == '\'') put("'");
        put(text.substr(i, length), 1);
      }
      i += length;
    }
    put("'");
  }

  void double_quoted(std::string_view text, std::size_t indent, bool may_break) {
    put("\"");
    bool spaces = false;
    for (std::size_t i = 0; i < text.size();) {
      const std::size_t length = character_length(static_cast<unsigned char>(text[i]));
      const std::string_view character = text.substr(i, length);
      const bool is_space = character == " ";
      if (!is_printable(character) || character == "\n" || character == "\"" || character == "\\") {
        escape(character);
      } else if (is_space && may_break && !spaces && is_wide() && i > 0 && i + 1 < text.size()) {
        new_line(indent);
        if (text[i + 1] == ' ') put("\\");
      } else {
        put(character, 1);
      }
      spaces = is_space;
      i += length;
    }
    put("\"");
  }

  void escape(std::string_view character) {
    static constexpr std::pair<std::string_view, std::string_view> kShort[] = {
        {"\a", "\\a"}, {"\b", "\\b"},  {"\t", "\\t"},  {"\n", "\\n"},       {"\v", "\\v"},   {"\f", "\\f"},
        {"\r", "\\r"}, {"\"", "\\\""}, {"\\", "\\\\"}, {"\xc2\x85", "\\N"}, {"\x1b", "\\e"},
    };
    for (const auto& [from, to] : kShort)
      if (from == character) return put(to);
    if (character[0] == '\0') return put("\\0");
    const std::uint32_t code = code_point(character);
    const int digits = code <= 0xff ? 2 : code <= 0xffff ? 4 : 8;
    put(digits == 2 ? "\\x" : digits == 4 ? "\\u" : "\\U");
    for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4) {
      const char digit = "0123456789ABCDEF"[(code >> shift) & 15];
      put(std::string_view{&digit, 1});
    }
  }

  static std::uint32_t code_point(std::string_view character) {
    if (character.size() == 1) return static_cast<unsigned char>(character[0]);
    std::uint32_t code = static_cast<unsigned char>(character[0]) & (0xffU >> (character.size() + 1));
    for (char c : character.substr(1)) code = code << 6 | (static_cast<unsigned char>(c) & 0x3fU);
    return code;
  }

  /// `|` keeps the lines as they are; the sign after it says what becomes of the newlines at the end.
  void literal(std::string_view text, std::size_t indent) {
    put("|");
    if (text[0] == ' ' || text[0] == '\n') put(std::to_string(format_.indent));
    if (text.back() != '\n') {
      put("-");
    } else if (text.size() == 1 || text[text.size() - 2] == '\n') {
      put("+");
    }
    out_ += '\n';
    column_ = 0;
    while (!text.empty()) {
      const std::size_t length = text.find('\n');
      const std::string_view line = text.substr(0, length);
      if (!line.empty()) {
        out_.append(indent, ' ');
        put(line, line.size() + indent);
      }
      if (length == std::string_view::npos) return;
      out_ += '\n';
      column_ = 0;
      text.remove_prefix(length + 1);
    }
  }

  const YamlFormat format_;
  std::string out_;
  std::size_t column_ = 0;
};

}  // namespace

std::string to_yaml_text(const Value& value, const YamlFormat& format) {
  Emitter emitter{format};
  if (const Value::Object* members = value.object()) emitter.mapping(*members, 0, false);
  emitter.finish();
  return emitter.take();
}

}  // namespace kiln::config
