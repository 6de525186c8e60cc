#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/endpoint.h"

namespace kiln::http {

struct Header {
  std::string name;
  std::string value;
  bool operator==(const Header&) const = default;
};

/// What a client asks for. The parser has checked and decoded everything.
struct Request {
  enum class Method { get, head, post, other };  ///< other: was refused; only observers see it

  Method method = Method::other;
  std::string target;  ///< as it was sent; "" if not even that could be read
  std::string path;    ///< decoded, from "/" on; no empty, "." or ".." segments, no NUL; a slash at the end is kept
  std::vector<std::pair<std::string, std::string>> query;  ///< decoded (+ is a space), in the order sent
  bool http_1_1 = true;                                    ///< otherwise 1.0
  bool keep_alive = true;                                  ///< the client would send another on this connection
  std::vector<Header> headers;                             ///< in the order sent, names as sent
  std::string body;
  Endpoint peer;   ///< who asks
  Endpoint local;  ///< the address of ours that was asked

  /// The first header of that name (case does not matter).
  std::optional<std::string_view> header(std::string_view name) const;
  /// The first value of that name in the query.
  std::optional<std::string_view> parameter(std::string_view name) const;
  /// HOST[:PORT] that the client reached us by: its Host header, or our own address. What URLs in answers begin with.
  std::string authority() const;

  bool operator==(const Request&) const = default;
};

std::string_view method_name(Request::Method method);  ///< "GET"

}  // namespace kiln::http
