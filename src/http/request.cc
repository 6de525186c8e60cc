#include "http/request.h"

#include <algorithm>

#include "http/syntax.h"

namespace kiln::http {

std::optional<std::string_view> Request::header(std::string_view name) const {
  const auto found = std::find_if(headers.begin(), headers.end(),
                                  [name](const Header& header) { return equal_ignoring_case(header.name, name); });
  if (found == headers.end()) return std::nullopt;
  return found->value;
}

std::optional<std::string_view> Request::parameter(std::string_view name) const {
  const auto found = std::find_if(query.begin(), query.end(), [name](const auto& one) { return one.first == name; });
  if (found == query.end()) return std::nullopt;
  return found->second;
}

std::string Request::authority() const {
  const std::string_view host = header("Host").value_or("");
  return host.empty() ? local.to_string() : std::string{host};
}

std::string_view method_name(Request::Method method) {
  switch (method) {
    case Request::Method::get:
      return "GET";
    case Request::Method::head:
      return "HEAD";
    case Request::Method::post:
      return "POST";
    case Request::Method::other:
      break;
  }
  return "-";
}

}  // namespace kiln::http
