#include "http/target.h"

#include <algorithm>
#include <optional>

#include "base/error.h"
#include "http/syntax.h"

namespace kiln::http {
namespace {

/// With %XX decoded; nothing if a % is not followed by two hexadecimal digits.
std::optional<std::string> decode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    if (text.size() - i < 3) return std::nullopt;
    const int high = hex_digit(text[i + 1]);
    const int low = hex_digit(text[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

/// Takes the part before `separator`, and the separator, off the front.
std::string_view take_until(std::string_view& rest, char separator) {
  const std::string_view part = rest.substr(0, rest.find(separator));
  rest.remove_prefix(std::min(part.size() + 1, rest.size()));
  return part;
}

/// Adds one decoded segment; says what is wrong with it.
const char* append_segment(std::string& path, std::string_view segment) {
  if (segment.find('\0') != std::string_view::npos) return "an encoded NUL in the path";
  // Decoding must not make segments: "a%2F..%2Fb" is one name, which no file can have.
  if (segment.find('/') != std::string_view::npos) return "an encoded slash in the path";
  if (segment.empty() || segment == ".") return nullptr;
  if (segment == "..") {
    if (path.empty()) return "the path leads out of the root";
    path.resize(path.rfind('/'));
    return nullptr;
  }
  path += '/';
  path += segment;
  return nullptr;
}

/// Removes dot segments (RFC 3986, 5.2.4) and empty ones. That leads to the same file as the path itself would, without
/// ever asking for anything outside.
std::variant<std::string, const char*> normalise(std::string_view encoded) {
  std::string path;
  path.reserve(encoded.size());
  std::string last;
  while (!encoded.empty()) {
    std::optional<std::string> segment = decode(take_until(encoded, '/'));
    if (!segment) return "a % in the path without two hexadecimal digits after it";
    if (const char* problem = append_segment(path, *segment)) return problem;
    last = std::move(*segment);
    if (encoded.empty()) break;
  }
  const bool is_directory = path.empty() || last == "." || last == "..";
  return is_directory ? path + '/' : path;
}

std::optional<std::vector<std::pair<std::string, std::string>>> parse_query(std::string_view text) {
  std::vector<std::pair<std::string, std::string>> query;
  std::string spaced{text};
  std::replace(spaced.begin(), spaced.end(), '+', ' ');  // before decoding: %2B is a plus
  std::string_view rest = spaced;
  while (!rest.empty()) {
    std::string_view value = take_until(rest, '&');
    if (value.empty()) continue;
    const std::string_view name = take_until(value, '=');
    std::optional<std::string> decoded_name = decode(name);
    std::optional<std::string> decoded_value = decode(value);
    if (!decoded_name || !decoded_value) return std::nullopt;
    query.emplace_back(std::move(*decoded_name), std::move(*decoded_value));
  }
  return query;
}

/// Takes "http://host" off the front of a whole URL.
std::string_view take_authority(std::string_view& text) {
  constexpr std::string_view kScheme = "http://";
  if (text.size() <= kScheme.size() || !equal_ignoring_case(text.substr(0, kScheme.size()), kScheme)) return {};
  const std::size_t end = std::min(text.find_first_of("/?", kScheme.size()), text.size());
  const std::string_view authority = text.substr(kScheme.size(), end - kScheme.size());
  text.remove_prefix(end);
  return authority;
}

}  // namespace

std::variant<Target, std::string> parse_target(std::string_view text) {
  Target target;
  target.authority = take_authority(text);
  if (text.find('#') != std::string_view::npos) return "a fragment (#) in the target";
  std::string_view path = take_until(text, '?');
  if (path.empty() && !target.authority.empty()) path = "/";
  if (!path.starts_with('/')) return "the target is neither a path from / nor a URL of http://";

  const bool ends_in_slash = path.ends_with('/');
  auto normalised = normalise(path);
  if (const auto* problem = std::get_if<const char*>(&normalised)) return *problem;
  target.path = std::get<std::string>(std::move(normalised));
  if (ends_in_slash && !target.path.ends_with('/')) target.path += '/';

  std::optional<std::vector<std::pair<std::string, std::string>>> query = parse_query(text);
  if (!query) return "a % in the query without two hexadecimal digits after it";
  target.query = std::move(*query);
  return target;
}

std::string escape_path(std::string_view path) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  constexpr std::string_view kPlain = "-._~!$&'()*+,;=:@/";  // RFC 3986, 3.3: pchar
  std::string out;
  for (const char c : path) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       kPlain.find(c) != std::string_view::npos;
    if (plain) {
      out += c;
    } else {
      out += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return out;
}

}  // namespace kiln::http
