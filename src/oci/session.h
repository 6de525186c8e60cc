#pragma once

#include <map>
#include <mutex>
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

  /// Where references are, as registries.conf and the mirrors of the options say.
  const EndpointTable& endpoints();

  /// "https://host/v2/REPOSITORY".
  std::string base_url(const Endpoint& endpoint);

  /// One request, logging in when asked to. Throws http::TransportError, or AccessDenied for 401 and 403.
  http::Reply call(const Endpoint& endpoint, const Scope& scope, http::ClientRequest request,
                   const http::Client::ChooseSink& choose_sink = {});

  /// call(), again and again while that may help. Throws Error, also for replies that asked to come again and never
  /// gave in; other statuses are the caller's.
  http::Reply call_patiently(const Endpoint& endpoint, const Scope& scope, const http::ClientRequest& request,
                             const http::Client::ChooseSink& choose_sink = {});

  /// "registry 'host': it answered …".
  static Error unexpected(const Endpoint& endpoint, const http::Reply& reply);

  Backoff backoff(const Endpoint& endpoint) const {
    return {options_, endpoint.is_mirror ? options_.mirror_attempts : options_.attempts};
  }

 private:
  std::string find_origin(const Endpoint& endpoint);
  bool answers(const std::string& origin, bool insecure);

  const RegistryOptions options_;
  http::Client client_;
  Authenticator authenticator_;
  Guarded<std::map<std::string, std::string>> origins_;  // by domain, and whether it may be insecure
  std::once_flag endpoints_loaded_;
  EndpointTable endpoints_;
};

/// Whether the same request may succeed a little later: 408, 429 and most of 5xx.
bool is_transient(long status);

}  // namespace kiln::oci
