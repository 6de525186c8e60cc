#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/stream.h"
#include "http/client_options.h"

namespace kiln::http {

/// What libcurl is to sign a request with (Signature Version 4).
struct Signature {
  std::string scope;  ///< "aws:amz:REGION:s3"; empty: not signed
  std::string access_key, secret_key;
};

struct ClientRequest {
  std::string method = "GET";
  std::string url;
  std::vector<std::string> headers;  ///< "Name: value"
  std::string authorization;         ///< value of that header; not sent on to another origin after a redirect
  std::string netrc_file;            ///< where the login for the host may be (Basic); empty: nowhere
  Signature signature;
  std::vector<std::string> secret_headers;  ///< like `headers`, and like `authorization` not for other origins
  bool insecure = false;                    ///< the certificate is not verified; not for other origins either

  // The body, if any: a text, or a part of a file.
  std::string text;
  int file = -1;
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
};

struct Reply {
  long status = 0;
  std::multimap<std::string, std::string> headers;  ///< names in lower case
  std::string body;                                 ///< unless it went into a sink; at most 1 MiB is kept
  std::string url;                                  ///< that answered, after redirects

  bool good() const { return status >= 200 && status < 300; }
  std::string header(const std::string& name) const;  ///< the first, or empty
};

/// The exchange failed below HTTP: no connection, cut off, stalled, TLS.
class TransportError : public Error {
 public:
  enum class Kind {
    transient,  ///< may well work the next time
    protocol,   ///< the other side does not speak what we do (HTTP to a TLS port, say)
    permanent
  };
  template <typename... Parts>
  explicit TransportError(Kind kind, const Parts&... parts) : Error{concat(parts...)}, kind_{kind} {}
  Kind kind() const { return kind_; }

 private:
  Kind kind_;
};

/// HTTP(S) by libcurl with what registries need around it: proxies from the environment, extra CAs and client
/// certificates by host, stall detection, and redirects that do not carry credentials to other hosts. Connections are
/// kept and reused. Thread-safe.
class Client {
 public:
  explicit Client(const ClientOptions& options);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// Called with the headers of a good reply before its body; returns where the body goes (null: into the reply).
  using ChooseSink = std::function<Sink*(const Reply&)>;

  /// One exchange, following redirects of GET and HEAD. Every status is a reply. Throws TransportError, or what the
  /// sink threw.
  Reply perform(const ClientRequest& request, const ChooseSink& choose_sink = {});

 private:
  struct State;
  Reply exchange(const ClientRequest& request, const ChooseSink& choose_sink);

  std::unique_ptr<State> state_;
};

}  // namespace kiln::http
