#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace guest::json {

struct Member;

/// One JSON value (RFC 8259). Look-ups on the wrong kind give an empty result, so that reading an
/// optional field needs no checks: `value["process"]["terminal"].boolean()`.
class Value {
 public:
  enum class Kind { null, boolean, number, string, array, object };

  Kind kind() const { return kind_; }
  bool is(Kind kind) const { return kind_ == kind; }

  /// The member called `name`, the last one if it is repeated; null if there is none.
  const Value& operator[](std::string_view name) const;

  bool boolean(bool otherwise = false) const { return kind_ == Kind::boolean ? boolean_ : otherwise; }
  /// The value of a string, or the digits of a number as they were written.
  const std::string& text() const { return text_; }
  long long integer(long long otherwise = 0) const;
  const std::vector<Value>& items() const { return items_; }
  const std::vector<Member>& members() const;
  /// The strings of an array; other elements are left out.
  std::vector<std::string> strings() const;

 private:
  friend class Reader;
  Kind kind_ = Kind::null;
  bool boolean_ = false;
  std::string text_;
  std::vector<Value> items_;
  std::vector<Member> members_;
};

struct Member {
  std::string name;
  Value value;
};

/// How deep arrays and objects may nest: deeper input is refused, so that it cannot exhaust the stack of PID 1.
inline constexpr int kMaxDepth = 64;

/// Reads one JSON text. Strict: no comments, no trailing commas, nothing after the value, valid escapes.
/// Returns an empty string, or what is wrong and at which line, e.g. "line 3: expected ':' after a member's name".
std::string parse(std::string_view text, Value& value);

/// `text` as a JSON string with its quotes.
std::string quote(std::string_view text);

}  // namespace guest::json
