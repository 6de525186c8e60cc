#include "oci/session.h"

#include <algorithm>

#include "http/url.h"
#include "oci/default_registry.h"

namespace kiln::oci {

bool is_transient(long status) {
  return status == 408 || status == 425 || status == 429 || status == 500 || status == 502 || status == 503 ||
         status == 504;
}

const EndpointTable& Session::endpoints() {
  std::call_once(endpoints_loaded_, [this] {
    endpoints_ = EndpointTable{options_.mirrors, load_registries_conf(options_.registries_conf)};
  });
  return endpoints_;
}

std::string Session::base_url(const Endpoint& endpoint) {
  return concat(find_origin(endpoint), "/v2/", endpoint.repository.repository());
}

/// Whether something there speaks HTTP as that origin has it. Go's servers answer plain HTTP on a TLS port with a 400.
bool Session::answers(const std::string& origin, bool insecure) {
  http::ClientRequest request;
  request.insecure = insecure;
  request.url = origin + "/v2/";
  const http::Reply reply = client_.perform(request);
  return !(reply.status == 400 && reply.body.find("HTTPS server") != std::string::npos);
}

std::string Session::find_origin(const Endpoint& endpoint) {
  const std::string& domain = endpoint.repository.domain();
  if (!endpoint.scheme.empty()) return concat(endpoint.scheme, "://", domain);
  const std::string key = concat(domain, endpoint.insecure ? " insecure" : "");
  {
    auto origins = origins_.lock();
    if (const auto known = origins->find(key); known != origins->end()) return known->second;
  }
  const std::string https = "https://" + domain;
  const std::string http = "http://" + domain;
  const bool insecure = endpoint.insecure || std::find(options_.insecure.begin(), options_.insecure.end(), domain) !=
                                                 options_.insecure.end();
  const bool local = http::is_loopback(http);
  std::string found;
  std::string otherwise = local ? http : https;
  if (domain == kDefaultDomain) {
    found = concat("https://registry-1.", kDefaultDomain);
  } else if (!local && !insecure) {
    found = https;
  }
  if (found.empty()) {
    // A registry on this machine speaks plain HTTP as a rule; one the user calls insecure has a bad certificate or
    // none.
    for (const std::string& candidate : local ? std::vector{http, https} : std::vector{https, http}) {
      try {
        if (answers(candidate, insecure)) {
          found = candidate;
          break;
        }
        otherwise = https;  // that is what it said
      } catch (const http::TransportError& error) {
        if (error.kind() == http::TransportError::Kind::transient) break;  // it may be starting: the caller will retry
        // A certificate that is not trusted, say: it is there, and must not be tried without encryption.
        if (error.kind() == http::TransportError::Kind::permanent) throw Error{"registry ", error.message()};
      }
    }
    if (found.empty()) return otherwise;
  }
  (*origins_.lock())[key] = found;
  return found;
}

http::Reply Session::call(const Endpoint& endpoint, const Scope& scope, http::ClientRequest request,
                          const http::Client::ChooseSink& choose_sink) {
  // An upload may be directed to another host, which must not see our credentials.
  const bool ours = http::origin_of(request.url) == http::origin_of(base_url(endpoint));
  if (!ours) return client_.perform(request, choose_sink);
  request.insecure = endpoint.insecure;
  request.authorization = authenticator_.known(endpoint, scope);
  http::Reply reply = client_.perform(request, choose_sink);
  for (int logins = 0; reply.status == 401; ++logins) {
    // Two: what was known may have expired, and what another thread just got may be as old.
    if (logins == 2) throw authenticator_.denied(endpoint, reply);
    request.authorization = authenticator_.answer(endpoint, scope, reply, request.authorization);
    reply = client_.perform(request, choose_sink);
  }
  if (reply.status == 403) throw authenticator_.denied(endpoint, reply);
  return reply;
}

http::Reply Session::call_patiently(const Endpoint& endpoint, const Scope& scope, const http::ClientRequest& request,
                                    const http::Client::ChooseSink& choose_sink) {
  Backoff backoff = this->backoff(endpoint);
  for (;;) {
    try {
      http::Reply reply = call(endpoint, scope, request, choose_sink);
      if (!is_transient(reply.status)) return reply;
      if (!backoff.wait(parse_retry_after(reply.header("retry-after")))) {
        throw Error{unexpected(endpoint, reply).message(), ", ", backoff.failures(), " times in a row"};
      }
    } catch (const http::TransportError& error) {
      if (error.kind() == http::TransportError::Kind::permanent) throw Error{"registry ", error.message()};
      if (!backoff.wait()) {
        throw RegistryUnreachable{Error{"registry ", error.message(), ", ", backoff.failures(), " times in a row"}};
      }
    }
  }
}

Error Session::unexpected(const Endpoint& endpoint, const http::Reply& reply) {
  return Error{"registry ", quote(endpoint.repository.domain()), ": ", describe(reply)};
}

}  // namespace kiln::oci
