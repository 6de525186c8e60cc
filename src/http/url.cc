#include "http/url.h"

#include <algorithm>
#include <memory>

#include "base/error.h"
#include "http/curl.h"

namespace kiln::http {
namespace {

struct FreeUrl {
  void operator()(CURLU* url) const { curl().url_cleanup(url); }
};
using Url = std::unique_ptr<CURLU, FreeUrl>;

Url parse_url(const std::string& text) {
  Url url{curl().url()};
  if (curl().url_set(url.get(), CURLUPART_URL, text.c_str(), 0) != CURLUE_OK) return nullptr;
  return url;
}

std::string url_part(CURLU* url, CURLUPart part, unsigned flags = 0) {
  char* text = nullptr;
  if (curl().url_get(url, part, &text, flags) != CURLUE_OK) return {};
  std::string out{text};
  curl().free(text);
  return out;
}

std::string lower(std::string_view text) {
  std::string out{text};
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c); });
  return out;
}

}  // namespace

std::string host_and_port(const std::string& url) {
  const Url parsed = parse_url(url);
  if (!parsed) return {};
  const std::string port = url_part(parsed.get(), CURLUPART_PORT);
  const std::string host = url_part(parsed.get(), CURLUPART_HOST);
  return port.empty() ? host : host + ":" + port;
}

std::string origin_of(const std::string& url) {
  const Url parsed = parse_url(url);
  if (!parsed) return {};
  const std::string scheme = lower(url_part(parsed.get(), CURLUPART_SCHEME));
  if (scheme != "http" && scheme != "https") return {};
  return concat(scheme, "://", lower(url_part(parsed.get(), CURLUPART_HOST)), ":",
                url_part(parsed.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT));
}

std::string resolve_url(const std::string& base, const std::string& location) {
  const Url parsed = parse_url(base);
  if (!parsed || curl().url_set(parsed.get(), CURLUPART_URL, location.c_str(), CURLU_URLENCODE) != CURLUE_OK) {
    throw Error{quote(base), " refers to ", quote(location), ", which is not a URL"};
  }
  return url_part(parsed.get(), CURLUPART_URL);
}

bool is_loopback(const std::string& url) {
  const Url parsed = parse_url(url);
  const std::string host = parsed ? lower(url_part(parsed.get(), CURLUPART_HOST)) : std::string{};
  const bool ipv4 = host.starts_with("127.") && host.find_first_not_of("0123456789.") == std::string::npos;
  return host == "localhost" || host == "[::1]" || ipv4;
}

std::string url_escape(std::string_view text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '_' || c == '.' || c == '~';
    if (plain) {
      out += c;
    } else {
      out += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return out;
}

}  // namespace kiln::http
