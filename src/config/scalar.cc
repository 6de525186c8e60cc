#include "config/scalar.h"

#include <algorithm>
#include <charconv>
#include <string>

namespace kiln::config {
namespace {

template <std::size_t N>
bool is_one_of(std::string_view text, const std::string_view (&words)[N]) {
  return std::find(std::begin(words), std::end(words), text) != std::end(words);
}

constexpr std::string_view kTrue[] = {"true", "True", "TRUE"};
constexpr std::string_view kFalse[] = {"false", "False", "FALSE"};
constexpr std::string_view kNull[] = {"", "~", "null", "Null", "NULL"};
constexpr std::string_view kSpecialNumbers[] = {".inf",  ".Inf",  ".INF",  "+.inf", "+.Inf", "+.INF",
                                                "-.inf", "-.Inf", "-.INF", ".nan",  ".NaN",  ".NAN"};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::size_t skip_digits(std::string_view text, std::size_t at) {
  while (at < text.size() && is_digit(text[at])) ++at;
  return at;
}

/// [-+]? ( \.[0-9]+ | [0-9]+ (\.[0-9]*)? ) ([eE][-+]?[0-9]+)?
bool is_decimal_number(std::string_view text) {
  std::size_t at = !text.empty() && (text[0] == '-' || text[0] == '+') ? 1 : 0;
  const std::size_t whole = skip_digits(text, at);
  bool digits = whole > at;
  at = whole;
  if (at < text.size() && text[at] == '.') {
    const std::size_t fraction = skip_digits(text, at + 1);
    digits = digits || fraction > at + 1;
    at = fraction;
  }
  if (!digits) return false;
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && (text[at] == '-' || text[at] == '+')) ++at;
    const std::size_t exponent = skip_digits(text, at);
    if (exponent == at) return false;
    at = exponent;
  }
  return at == text.size();
}

/// The base that a prefix stands for, which is removed from `digits`; a leading 0 alone means octal.
int take_base(std::string_view& digits) {
  if (digits.size() < 2 || digits[0] != '0') return 10;
  const char letter = static_cast<char>(digits[1] | 0x20);
  const int base = letter == 'x' ? 16 : letter == 'o' ? 8 : letter == 'b' ? 2 : 0;
  digits.remove_prefix(base == 0 ? 1 : 2);
  return base == 0 ? 8 : base;
}

}  // namespace

std::optional<Integer> parse_integer(std::string_view text) {
  if (text.empty() || (!is_digit(text[0]) && text[0] != '-' && text[0] != '+')) return std::nullopt;
  std::string plain{text};
  plain.erase(std::remove(plain.begin(), plain.end(), '_'), plain.end());
  std::string_view digits = plain;
  Integer result;
  if (!digits.empty() && (digits[0] == '-' || digits[0] == '+')) {
    result.negative = digits[0] == '-';
    digits.remove_prefix(1);
  }
  const int base = take_base(digits);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), result.magnitude, base);
  if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  if (result.negative && result.magnitude > std::uint64_t{1} << 63) return std::nullopt;
  return result;
}

bool parse_boolean(std::string_view text) { return is_one_of(text, kTrue); }

Node::Kind plain_scalar_kind(std::string_view text) {
  if (is_one_of(text, kNull)) return Node::Kind::null;
  if (is_one_of(text, kTrue) || is_one_of(text, kFalse)) return Node::Kind::boolean;
  if (parse_integer(text)) return Node::Kind::integer;
  if (is_decimal_number(text) || is_one_of(text, kSpecialNumbers)) return Node::Kind::number;
  return Node::Kind::string;  // dates, too: they reach LinuxKit's schema as strings
}

}  // namespace kiln::config
