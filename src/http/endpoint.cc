#include "http/endpoint.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/error.h"
#include "http/syntax.h"

namespace kiln::http {
namespace {

Error bad_endpoint(std::string_view text, std::string_view why) {
  return Error{"the address ", quote(text), ": ", why}.with_hint("write HOST:PORT, [IPV6]:PORT, :PORT or PORT");
}

/// The host before the last colon, without brackets.
std::string host_of(std::string_view text, std::size_t colon) {
  if (colon == std::string_view::npos) return {};
  const std::string_view host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) return std::string{host.substr(1, host.size() - 2)};
  if (host.find_first_of(":[]") != std::string_view::npos) {
    throw bad_endpoint(text, "an IPv6 address stands in brackets");
  }
  return std::string{host};
}

}  // namespace

Endpoint Endpoint::parse(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  const std::string_view digits = colon == std::string_view::npos ? text : text.substr(colon + 1);
  const auto port = parse_number(digits);
  constexpr std::uint64_t kLastPort = 65535;
  if (!port || *port > kLastPort) {
    throw bad_endpoint(text, concat("expected a port from 0 to ", kLastPort, ", got ", quote(digits)));
  }
  return {host_of(text, colon), static_cast<std::uint16_t>(*port)};
}

Endpoint Endpoint::of(const sockaddr& address) {
  char text[INET6_ADDRSTRLEN] = "";
  if (address.sa_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    ::inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text);
    return {text, ntohs(v4.sin_port)};
  }
  if (address.sa_family != AF_INET6) return {};
  const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
  if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
    ::inet_ntop(AF_INET, &v6.sin6_addr.s6_addr[12], text, sizeof text);
  } else {
    ::inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text);
  }
  return {text, ntohs(v6.sin6_port)};
}

std::string Endpoint::to_string() const {
  const bool v6 = host.find(':') != std::string::npos;
  return v6 ? concat("[", host, "]:", port) : concat(host, ":", port);
}

}  // namespace kiln::http
