#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace guest {

/// An address of plain HTTP, checked: nothing in it can end a request line or a header.
struct Url {
  std::string host;  ///< a name, or a numeric address without brackets
  std::uint16_t port = 80;
  std::string path = "/";  ///< with the query

  /// As it stands in `Host:`: an IPv6 address in brackets, the port unless it is 80.
  std::string authority() const;
  std::string text() const { return "http://" + authority() + path; }
};

/// Reads "http://HOST[:PORT][/PATH]". Returns an empty string, or what is wrong.
std::string parse_url(std::string_view text, Url& url);

/// `name` below the directory `base`, which may end in a slash or not.
Url below(const Url& base, std::string_view name);

}  // namespace guest
