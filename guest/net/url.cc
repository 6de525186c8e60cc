#include "net/url.h"

#include <algorithm>

#include "base/text.h"

namespace guest {
namespace {

constexpr std::string_view kScheme = "http://";
constexpr std::size_t kMaxUrl = 2048;

std::string expected(std::string_view text, const char* what) {
  return format("'%s': expected %s", printable(text.substr(0, 200)).c_str(), what);
}

bool is_host_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
}

bool is_address_character(char c) {
  return (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || (c >= '0' && c <= '9') || c == ':' || c == '.';
}

}  // namespace

std::string Url::authority() const {
  std::string text = host.find(':') == std::string::npos ? host : "[" + host + "]";
  if (port != 80) text += format(":%u", static_cast<unsigned>(port));
  return text;
}

std::string parse_url(std::string_view text, Url& url) {
  url = Url{};
  if (text.size() > kMaxUrl) return expected(text, "at most 2048 bytes");
  if (text.substr(0, 8) == "https://") return expected(text, "http://; there is no TLS here");
  if (text.substr(0, kScheme.size()) != kScheme) return expected(text, "http://HOST[:PORT]/PATH");
  bool clean = std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
  if (!clean) return expected(text, "no blanks, no control characters, no bytes above 126");
  std::string_view rest = text.substr(kScheme.size());
  std::size_t slash = rest.find_first_of("/?#");
  std::string_view authority = rest.substr(0, slash);
  if (slash != std::string_view::npos) {
    std::string_view path = rest.substr(slash);
    path = path.substr(0, path.find('#'));  // a fragment is the reader's own affair
    url.path = path.substr(0, 1) == "/" ? std::string{path} : "/" + std::string{path};
  }
  std::string_view port;
  if (authority.substr(0, 1) == "[") {
    std::size_t end = authority.find(']');
    if (end == std::string_view::npos) return expected(text, "']' after an IPv6 address");
    url.host = authority.substr(1, end - 1);
    port = authority.substr(end + 1);
    if (!port.empty() && port[0] != ':') return expected(text, "':' or '/' after ']'");
    if (!std::all_of(url.host.begin(), url.host.end(), is_address_character))
      return expected(text, "an IPv6 address between the brackets");
  } else {
    std::size_t colon = authority.find(':');
    url.host = authority.substr(0, colon);
    if (colon != std::string_view::npos) port = authority.substr(colon);
    if (!std::all_of(url.host.begin(), url.host.end(), is_host_character))
      return expected(text, "a host name or an address");
  }
  if (url.host.empty()) return expected(text, "a host");
  if (port.size() > 1) {
    auto number = parse_decimal(port.substr(1));
    if (!number || *number == 0 || *number > 65535) return expected(text, "a port from 1 to 65535");
    url.port = static_cast<std::uint16_t>(*number);
  }
  return {};
}

Url below(const Url& base, std::string_view name) {
  Url url = base;
  if (url.path.back() != '/') url.path += '/';
  url.path += name;
  return url;
}

}  // namespace guest
