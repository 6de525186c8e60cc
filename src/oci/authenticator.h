#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/guarded.h"
#include "http/client.h"
#include "oci/challenge.h"
#include "oci/credentials.h"
#include "oci/endpoints.h"
#include "oci/registry.h"

namespace kiln::oci {

/// What a request wants to do in a repository.
struct Scope {
  bool push = false;
  std::optional<Reference> mount_from;  ///< another repository of the same registry to read from

  /// distribution, "Token Scope Documentation": repository:NAME:pull,push …
  std::vector<std::string> texts(const Reference& repository) const;
};

/// Logs in at registries: HTTP Basic or the Bearer token flow (distribution, "Token Authentication"), with the user's
/// credentials if there are any. Answers are kept, so that a registry is asked once per repository. Thread-safe.
class Authenticator {
 public:
  Authenticator(http::Client& client, const RegistryOptions& options) : client_{client}, options_{options} {}

  /// The Authorization header that worked last time, or empty.
  std::string known(const Endpoint& endpoint, const Scope& scope);

  /// The header that satisfies the challenges of a 401 reply to a request that carried `used`. Throws AccessDenied
  /// when there is nothing better to offer, saying which credentials were tried.
  std::string answer(const Endpoint& endpoint, const Scope& scope, const http::Reply& reply, const std::string& used);

  /// The error for a reply of 401 or 403.
  AccessDenied denied(const Endpoint& endpoint, const http::Reply& reply);

 private:
  CredentialSearch credentials(const Reference& repository);
  std::string login(const Endpoint& endpoint, const Scope& scope, const http::Reply& reply);
  std::string fetch_token(const Challenge& challenge, const Endpoint& endpoint, const Scope& scope,
                          const http::Reply& refused);
  std::string tried(const Reference& repository);

  http::Client& client_;
  const RegistryOptions& options_;
  Guarded<std::map<std::string, std::string>> headers_;           // by domain and scopes
  Guarded<std::map<std::string, CredentialSearch>> credentials_;  // by locator
};

/// "it answered 404 (MANIFEST_UNKNOWN: manifest unknown)" (distribution-spec, "Error Codes").
std::string describe(const http::Reply& reply);

}  // namespace kiln::oci
