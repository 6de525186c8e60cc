#include "netboot/status_page.h"

#include <string_view>

#include "base/error.h"
#include "base/sha256.h"
#include "oci/base64.h"

namespace kiln::netboot {

extern const std::string_view kStatusPage;  // embedded by CMake

namespace {

/// CSP, "hash-source": of what stands between the tags, byte for byte.
std::string hash_between(std::string_view page, std::string_view open, std::string_view close) {
  const std::size_t begin = page.find(open) + open.size();
  const Sha256 hash = Sha256::of(page.substr(begin, page.find(close, begin) - begin));
  return concat("'sha256-", oci::base64_encode(as_text(Bytes{hash.bytes})), "'");
}

std::string content_security_policy() {
  return concat(
      "default-src 'none'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
      "frame-ancestors 'none'; style-src ",
      hash_between(kStatusPage, "<style>", "</style>"), "; script-src ",
      hash_between(kStatusPage, "<script>", "</script>"));
}

}  // namespace

http::Response status_page() {
  static const auto page = std::make_shared<const std::string>(kStatusPage);
  static const std::string policy = content_security_policy();
  static const std::string etag = concat("\"", Sha256::of(*page).hex().substr(0, 16), "\"");
  http::Response response;
  response.add("Content-Type", "text/html; charset=utf-8")
      .add("Content-Security-Policy", policy)
      .add("X-Content-Type-Options", "nosniff")
      .add("Referrer-Policy", "no-referrer")
      .add("Cache-Control", "no-cache");
  response.body.append(page);
  response.etag = etag;
  return response;
}

}  // namespace kiln::netboot
