#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "http/client.h"

namespace kiln::machine {

/// How an API's server is reached. Tests have one that answers by a script and records what it was asked.
struct Transport {
  virtual ~Transport() = default;
  /// One exchange; every status is a reply. Throws http::TransportError.
  virtual http::Reply perform(const http::ClientRequest& request) = 0;
};

struct TlsOptions {
  std::vector<std::filesystem::path> authorities;  ///< --ca-file
  bool insecure = false;                           ///< --insecure: the server's certificate is not verified
};

/// By HTTP(S), for the server of `url`. Thread-safe.
class HttpTransport final : public Transport {
 public:
  HttpTransport(const std::string& url, const TlsOptions& tls);
  http::Reply perform(const http::ClientRequest& request) override { return client_.perform(request); }

 private:
  http::Client client_;
};

/// perform(), with what the user can do where the server's certificate is not trusted. `what` is the server's role:
/// "the BMC".
http::Reply exchange(Transport& transport, const http::ClientRequest& request, std::string_view what);

/// Throws Error unless `url` is one of https, or of http where `insecure` allows it or the host is this machine: what
/// is sent there are passwords and tokens. `option` names it in the message.
void check_api_url(const std::string& url, bool insecure, std::string_view option);

}  // namespace kiln::machine
