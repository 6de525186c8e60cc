#include "convert/interpolation.h"

#include <algorithm>

#include "base/error.h"

namespace kiln::convert {
namespace {

constexpr int kDeepest = 20;  // of defaults within defaults

bool begins_name(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool continues_name(char c) { return begins_name(c) || (c >= '0' && c <= '9'); }

std::string take_name(std::string_view& text) {
  std::size_t end = 0;
  while (end < text.size() && (end == 0 ? begins_name(text[end]) : continues_name(text[end]))) ++end;
  std::string name{text.substr(0, end)};
  text.remove_prefix(end);
  return name;
}

class Interpolator {
 public:
  Interpolator(const Variables& variables, const std::function<void(const std::string&)>& unset)
      : variables_{variables}, unset_{unset} {}

  std::string run(std::string_view text, int depth = 0) const {
    if (depth > kDeepest) throw Error{"variables are nested more than ", kDeepest, " deep"};
    std::string out;
    while (!text.empty()) {
      const std::size_t dollar = std::min(text.find('$'), text.size());
      out += text.substr(0, dollar);
      text.remove_prefix(dollar);
      if (text.empty()) break;
      text.remove_prefix(1);
      if (text.starts_with('$')) {
        out += '$';
        text.remove_prefix(1);
      } else if (text.starts_with('{')) {
        const std::string_view inside = take_braces(text);
        out += braced(inside, depth);
      } else if (!text.empty() && begins_name(text.front())) {
        out += value(take_name(text));
      } else {
        throw Error{"a single '$' stands for a variable: write $$ for a dollar sign"};
      }
    }
    return out;
  }

 private:
  /// What is between the braces, which may have such pairs in it.
  static std::string_view take_braces(std::string_view& text) {
    int open = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '{') ++open;
      if (text[i] == '}' && --open == 0) {
        const std::string_view inside = text.substr(1, i - 1);
        text.remove_prefix(i + 1);
        return inside;
      }
    }
    throw Error{"'${' has no '}'"};
  }

  std::string value(const std::string& name) const {
    if (const auto found = variables_(name)) return *found;
    unset_(name);
    return {};
  }

  std::string braced(std::string_view inside, int depth) const {
    const std::string_view whole = inside;
    const std::string name = take_name(inside);
    if (name.empty()) throw Error{quote(concat("${", whole, "}")), " does not begin with a name"};
    if (inside.empty()) return value(name);
    const bool empty_too = inside.starts_with(':');
    if (empty_too) inside.remove_prefix(1);
    const char how = inside.empty() ? '\0' : inside.front();
    if (how != '-' && how != '?' && how != '+') {
      throw Error{quote(concat("${", whole, "}")), ": expected :-, -, :?, ?, :+ or + after the name"};
    }
    const std::string_view rest = inside.substr(1);
    const auto found = variables_(name);
    const bool counts = found && !(empty_too && found->empty());
    if (how == '+') return counts ? run(rest, depth + 1) : std::string{};
    if (counts) return *found;
    if (how == '-') return run(rest, depth + 1);
    throw Error{"variable ", quote(name), " is not set: ", rest.empty() ? "it must be" : quote(rest)};
  }

  const Variables& variables_;
  const std::function<void(const std::string&)>& unset_;
};

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t\r");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r") - begin + 1);
}

/// Without its quotes, or without a comment after it.
std::string unquoted(std::string_view value) {
  if (value.size() >= 2 && (value.front() == '"' || value.front() == '\'')) {
    const std::size_t end = value.find(value.front(), 1);
    if (end != std::string_view::npos) return std::string{value.substr(1, end - 1)};
  }
  return std::string{trimmed(value.substr(0, value.find(" #")))};
}

}  // namespace

std::string interpolate(std::string_view text, const Variables& variables,
                        const std::function<void(const std::string&)>& unset) {
  return Interpolator{variables, unset}.run(text);
}

std::map<std::string, std::string> parse_env_file(std::string_view text, std::string_view file) {
  std::map<std::string, std::string> out;
  for (int line = 1; !text.empty(); ++line) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view entry = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (entry.starts_with("export ")) entry = trimmed(entry.substr(7));
    if (entry.empty() || entry.starts_with('#')) continue;
    std::string_view rest = entry;
    const std::string name = take_name(rest);
    rest = trimmed(rest);
    if (name.empty() || !rest.starts_with('=')) {
      throw Error{file, ":", line, ": ", quote(entry.substr(0, 100)), ": expected NAME=VALUE"};
    }
    out[name] = unquoted(trimmed(rest.substr(1)));
  }
  return out;
}

}  // namespace kiln::convert
