#include "base/json.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "base/text.h"

namespace guest::json {

const Value& Value::operator[](std::string_view name) const {
  static const Value null;
  const Value* found = &null;
  for (const Member& member : members_) {
    if (member.name == name) found = &member.value;
  }
  return *found;
}

const std::vector<Member>& Value::members() const { return members_; }

long long Value::integer(long long otherwise) const {
  if (kind_ != Kind::number) return otherwise;
  errno = 0;
  char* end = nullptr;
  long long number = std::strtoll(text_.c_str(), &end, 10);
  return errno == 0 && *end == '\0' ? number : otherwise;
}

std::vector<std::string> Value::strings() const {
  std::vector<std::string> found;
  for (const Value& item : items_) {
    if (item.is(Kind::string)) found.push_back(item.text());
  }
  return found;
}

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  std::string read(Value& value) {
    skip_blanks();
    if (!read_value(value, 0)) return problem();
    skip_blanks();
    if (at_ < text_.size()) {
      fail("expected the end of the text after the value");
      return problem();
    }
    return {};
  }

 private:
  bool fail(const char* what) {
    if (what_ == nullptr) what_ = what;
    return false;
  }

  std::string problem() const {
    auto line = 1 + std::count(text_.begin(), text_.begin() + static_cast<std::ptrdiff_t>(at_), '\n');
    return format("line %ld: %s", static_cast<long>(line), what_);
  }

  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }

  bool take(char wanted) {
    if (peek() != wanted || at_ == text_.size()) return false;
    ++at_;
    return true;
  }

  void skip_blanks() {
    while (at_ < text_.size() &&
           (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r')) {
      ++at_;
    }
  }

  bool read_value(Value& value, int depth) {
    if (depth > kMaxDepth) return fail("arrays and objects nest deeper than 64 levels");
    switch (peek()) {
      case '{':
        return read_object(value, depth);
      case '[':
        return read_array(value, depth);
      case '"':
        value.kind_ = Value::Kind::string;
        return read_string(value.text_);
      case 't':
        return read_word("true", value, Value::Kind::boolean);
      case 'f':
        return read_word("false", value, Value::Kind::boolean);
      case 'n':
        return read_word("null", value, Value::Kind::null);
      default:
        return read_number(value);
    }
  }

  bool read_word(std::string_view word, Value& value, Value::Kind kind) {
    if (text_.substr(at_, word.size()) != word) return fail("expected a value");
    at_ += word.size();
    value.kind_ = kind;
    value.boolean_ = word == "true";
    return true;
  }

  bool read_digits() {
    std::size_t start = at_;
    while (peek() >= '0' && peek() <= '9') ++at_;
    return at_ > start;
  }

  bool read_number(Value& value) {
    std::size_t start = at_;
    take('-');
    if (take('0')) {
      // RFC 8259, section 6: no digits may follow a leading zero.
    } else if (!read_digits()) {
      return fail("expected a value");
    }
    if (take('.') && !read_digits()) return fail("expected digits after the decimal point");
    if (peek() == 'e' || peek() == 'E') {
      ++at_;
      if (!take('+')) take('-');
      if (!read_digits()) return fail("expected digits in the exponent");
    }
    value.kind_ = Value::Kind::number;
    value.text_ = text_.substr(start, at_ - start);
    return true;
  }

  bool read_array(Value& value, int depth) {
    value.kind_ = Value::Kind::array;
    ++at_;
    skip_blanks();
    if (take(']')) return true;
    while (true) {
      skip_blanks();
      value.items_.emplace_back();
      if (!read_value(value.items_.back(), depth + 1)) return false;
      skip_blanks();
      if (take(']')) return true;
      if (!take(',')) return fail("expected ',' or ']' after an element");
    }
  }

  bool read_object(Value& value, int depth) {
    value.kind_ = Value::Kind::object;
    ++at_;
    skip_blanks();
    if (take('}')) return true;
    while (true) {
      skip_blanks();
      if (peek() != '"') return fail("expected a member's name in quotes");
      value.members_.emplace_back();
      Member& member = value.members_.back();
      if (!read_string(member.name)) return false;
      skip_blanks();
      if (!take(':')) return fail("expected ':' after a member's name");
      skip_blanks();
      if (!read_value(member.value, depth + 1)) return false;
      skip_blanks();
      if (take('}')) return true;
      if (!take(',')) return fail("expected ',' or '}' after a member");
    }
  }

  bool read_string(std::string& into) {
    ++at_;
    while (at_ < text_.size()) {
      char c = text_[at_++];
      if (c == '"') return true;
      if (static_cast<unsigned char>(c) < 0x20) return fail("control character in a string");
      if (c != '\\') {
        into += c;
      } else if (!read_escape(into)) {
        return false;
      }
    }
    return fail("string without a closing quote");
  }

  bool read_escape(std::string& into) {
    char c = peek();
    if (at_ < text_.size()) ++at_;
    switch (c) {
      case '"':
      case '\\':
      case '/':
        into += c;
        return true;
      case 'b':
        into += '\b';
        return true;
      case 'f':
        into += '\f';
        return true;
      case 'n':
        into += '\n';
        return true;
      case 'r':
        into += '\r';
        return true;
      case 't':
        into += '\t';
        return true;
      case 'u':
        return read_unicode(into);
      default:
        return fail("unknown escape in a string");
    }
  }

  bool read_unit(unsigned& unit) {
    unit = 0;
    for (int digit = 0; digit < 4; ++digit) {
      char c = peek();
      unsigned value = 0;
      if (c >= '0' && c <= '9') {
        value = static_cast<unsigned>(c - '0');
      } else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f') {
        value = static_cast<unsigned>((c | 0x20) - 'a') + 10;
      } else {
        return fail("expected four hexadecimal digits after \\u");
      }
      unit = unit * 16 + value;
      ++at_;
    }
    return true;
  }

  bool read_unicode(std::string& into) {
    unsigned code = 0;
    if (!read_unit(code)) return false;
    if (code >= 0xdc00 && code < 0xe000) return fail("low surrogate without a high one");
    if (code >= 0xd800 && code < 0xdc00) {
      unsigned low = 0;
      if (!take('\\') || !take('u')) return fail("high surrogate without a low one");
      if (!read_unit(low)) return false;
      if (low < 0xdc00 || low >= 0xe000) return fail("high surrogate without a low one");
      code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    }
    // Every use of these strings ends in a system call, which would silently stop at a NUL.
    if (code == 0) return fail("NUL character in a string");
    append_utf8(code, into);
    return true;
  }

  static void append_utf8(unsigned code, std::string& into) {
    auto byte = [&into](unsigned value) { into += static_cast<char>(value); };
    if (code < 0x80) return byte(code);
    if (code < 0x800) {
      byte(0xc0 | code >> 6);
    } else if (code < 0x10000) {
      byte(0xe0 | code >> 12);
      byte(0x80 | (code >> 6 & 0x3f));
    } else {
      byte(0xf0 | code >> 18);
      byte(0x80 | (code >> 12 & 0x3f));
      byte(0x80 | (code >> 6 & 0x3f));
    }
    byte(0x80 | (code & 0x3f));
  }

  std::string_view text_;
  std::size_t at_ = 0;
  const char* what_ = nullptr;
};

std::string parse(std::string_view text, Value& value) {
  value = Value{};
  return Reader{text}.read(value);
}

std::string quote(std::string_view text) {
  std::string quoted = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      quoted += format("\\u%04x", static_cast<unsigned>(c));
    } else {
      quoted += c;
    }
  }
  return quoted + '"';
}

}  // namespace guest::json
