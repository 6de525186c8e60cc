#include "oci/session.h"

#include <algorithm>

#include "http/url.h"
#include "oci/default_registry.h"

namespace kiln::oci {

bool is_transient(long status) {
  return status == 408 || status == 425 || status == 429 || status == 500 || status == 502 || status == 503 ||
         status == 504;
}

std::string Session::base_url(const Reference& repository) {
  const std::string& domain = repository.domain();
  std::string origin;
  {
    auto origins = origins_.lock();
    origin = (*origins)[domain];
  }
  if (origin.empty()) origin = find_origin(domain);
  return concat(origin, "/v2/", repository.repository());
}

/// Whether something there speaks HTTP as that origin has it. Go's servers answer plain HTTP on a TLS port with a 400.
bool Session::answers(const std::string& origin) {
  http::ClientRequest request;
  request.url = origin + "/v2/";
  const http::Reply reply = client_.perform(request);
  return !(reply.status == 400 && reply.body.find("HTTPS server") != std::string::npos);
}

std::string Session::find_origin(const std::string& domain) {
  const std::string https = "https://" + domain;
  const std::string http = "http://" + domain;
  const bool insecure =
      std::find(options_.insecure.begin(), options_.insecure.end(), domain) != options_.insecure.end();
  const bool local = http::is_loopback(http);
  std::string found;
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
        if (answers(candidate)) {
          found = candidate;
          break;
        }
      } catch (const http::TransportError& error) {
        if (error.kind() == http::TransportError::Kind::transient) break;  // it may be starting: the caller will retry
        // A certificate that is not trusted, say: it is there, and must not be tried without encryption.
        if (error.kind() == http::TransportError::Kind::permanent) throw Error{"registry ", error.message()};
      }
    }
    if (found.empty()) return local ? http : https;
  }
  (*origins_.lock())[domain] = found;
  return found;
}

http::Reply Session::call(const Reference& repository, const Scope& scope, http::ClientRequest request,
                          const http::Client::ChooseSink& choose_sink) {
  // An upload may be directed to another host, which must not see our credentials.
  const bool ours = http::origin_of(request.url) == http::origin_of(base_url(repository));
  if (!ours) return client_.perform(request, choose_sink);
  request.authorization = authenticator_.known(repository, scope);
  http::Reply reply = client_.perform(request, choose_sink);
  for (int logins = 0; reply.status == 401; ++logins) {
    // Two: what was known may have expired, and what another thread just got may be as old.
    if (logins == 2) throw authenticator_.denied(repository, reply);
    request.authorization = authenticator_.answer(repository, scope, reply, request.authorization);
    reply = client_.perform(request, choose_sink);
  }
  if (reply.status == 403) throw authenticator_.denied(repository, reply);
  return reply;
}

http::Reply Session::call_patiently(const Reference& repository, const Scope& scope, const http::ClientRequest& request,
                                    const http::Client::ChooseSink& choose_sink) {
  Backoff backoff{options_};
  for (;;) {
    try {
      http::Reply reply = call(repository, scope, request, choose_sink);
      if (!is_transient(reply.status)) return reply;
      if (!backoff.wait(parse_retry_after(reply.header("retry-after")))) {
        throw Error{unexpected(repository, reply).message(), ", ", backoff.failures(), " times in a row"};
      }
    } catch (const http::TransportError& error) {
      if (error.kind() == http::TransportError::Kind::permanent) throw Error{"registry ", error.message()};
      if (!backoff.wait()) {
        throw RegistryUnreachable{Error{"registry ", error.message(), ", ", backoff.failures(), " times in a row"}};
      }
    }
  }
}

Error Session::unexpected(const Reference& repository, const http::Reply& reply) {
  return Error{"registry ", quote(repository.domain()), ": ", describe(reply)};
}

}  // namespace kiln::oci
