#include "machine/remote/transport.h"

#include "http/url.h"

namespace kiln::machine {
namespace {

http::ClientOptions client_options(const std::string& url, const TlsOptions& tls) {
  http::ClientOptions options;
  options.authorities = tls.authorities;
  if (tls.insecure) options.insecure = {http::host_and_port(url)};
  return options;
}

/// libcurl has one code for every certificate that does not please, and the reason in OpenSSL's words.
bool tells_of_certificate(std::string_view message) {
  return message.find("certificate") != std::string_view::npos ||
         message.find("subject name") != std::string_view::npos;
}

}  // namespace

HttpTransport::HttpTransport(const std::string& url, const TlsOptions& tls) : client_{client_options(url, tls)} {}

http::Reply exchange(Transport& transport, const http::ClientRequest& request, std::string_view what) {
  try {
    return transport.perform(request);
  } catch (const http::TransportError& error) {
    const bool certificate = tells_of_certificate(error.message());
    Error outer = error.within(what);
    if (!certificate) throw outer;
    throw std::move(outer).with_hint(
        "give the certificate authority it is signed by with --ca-file, or do without verifying it: --insecure");
  }
}

void check_api_url(const std::string& url, bool insecure, std::string_view option) {
  const std::string origin = http::origin_of(url);
  if (origin.empty()) throw Error{option, " ", quote(url), ": expected a URL like https://10.0.0.2"};
  if (origin.starts_with("https://") || insecure || http::is_loopback(url)) return;
  throw Error{option, " ", quote(url), ": what is sent there would not be encrypted"}.with_hint(
      "use https://, or allow it with --insecure");
}

}  // namespace kiln::machine
