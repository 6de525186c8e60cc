#pragma once

#include <map>
#include <string>

#include "base/guarded.h"
#include "http/client.h"
#include "oci/authenticator.h"
#include "oci/backoff.h"
#include "oci/registry.h"

namespace kiln::oci {

/// Requests to registries with everything around the single exchange: where a domain's API is, logging in, retries.
class Session {
 public:
  explicit Session(RegistryOptions options)
      : options_{std::move(options)}, client_{options_}, authenticator_{client_, options_} {}
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  const RegistryOptions& options() const { return options_; }

  /// "https://host/v2/REPOSITORY".
  std::string base_url(const Reference& repository);

  /// One request, logging in when asked to. Throws http::TransportError, or AccessDenied for 401 and 403.
  http::Reply call(const Reference& repository, const Scope& scope, http::ClientRequest request,
                   const http::Client::ChooseSink& choose_sink = {});

  /// call(), again and again while that may help. Throws Error, also for replies that asked to come again and never
  /// gave in; other statuses are the caller's.
  http::Reply call_patiently(const Reference& repository, const Scope& scope, const http::ClientRequest& request,
                             const http::Client::ChooseSink& choose_sink = {});

  /// "registry 'host': it answered …".
  static Error unexpected(const Reference& repository, const http::Reply& reply);

 private:
  std::string find_origin(const std::string& domain);
  bool answers(const std::string& origin);

  const RegistryOptions options_;
  http::Client client_;
  Authenticator authenticator_;
  Guarded<std::map<std::string, std::string>> origins_;  // by domain
};

/// Whether the same request may succeed a little later: 408, 429 and most of 5xx.
bool is_transient(long status);

}  // namespace kiln::oci
