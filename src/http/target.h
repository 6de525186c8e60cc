#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace kiln::http {

/// What a request's target names, decoded once: what looks encoded after that stays as it is.
struct Target {
  std::string path;                                        ///< as Request::path
  std::vector<std::pair<std::string, std::string>> query;  ///< as Request::query
  std::string authority;                                   ///< HOST[:PORT] of a whole URL (absolute-form), otherwise ""
  bool operator==(const Target&) const = default;
};

/// Reads "/path?query" or "http://host/path?query" (RFC 9112, 3.2). If it cannot, says why.
std::variant<Target, std::string> parse_target(std::string_view text);

/// For a URL's path: what RFC 3986 does not let stand there is %-encoded, slashes stay.
std::string escape_path(std::string_view path);

}  // namespace kiln::http
