#include "oci/authenticator.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "http/url.h"
#include "oci/base64.h"
#include "oci/json.h"

namespace kiln::oci {
namespace {

std::string key_of(const Reference& repository, const Scope& scope) {
  std::string key = repository.domain();
  for (const std::string& text : scope.texts(repository)) key += " " + text;
  return key;
}

std::string basic(const Credentials& credentials) {
  return "Basic " + base64_encode(credentials.user + ":" + credentials.password);
}

/// RFC 6749 §6, as distribution's "OAuth2 token authentication" has it.
http::ClientRequest refresh_request(const std::string& realm, const Challenge& challenge,
                                    const std::vector<std::string>& scopes, const std::string& token) {
  http::ClientRequest request;
  request.method = "POST";
  request.url = realm;
  request.headers = {"Content-Type: application/x-www-form-urlencoded"};
  request.text = concat("grant_type=refresh_token&client_id=kiln&refresh_token=", http::url_escape(token));
  if (const auto service = challenge.parameters.find("service"); service != challenge.parameters.end()) {
    request.text += "&service=" + http::url_escape(service->second);
  }
  std::string scope;
  for (const std::string& text : scopes) scope += (scope.empty() ? "" : " ") + text;
  request.text += "&scope=" + http::url_escape(scope);
  return request;
}

http::ClientRequest token_request(const std::string& realm, const Challenge& challenge,
                                  const std::vector<std::string>& scopes,
                                  const std::optional<Credentials>& credentials) {
  if (credentials && !credentials->identity_token.empty()) {
    return refresh_request(realm, challenge, scopes, credentials->identity_token);
  }
  http::ClientRequest request;
  request.url = realm;
  const auto add = [&](std::string_view name, std::string_view value) {
    request.url += concat(request.url.find('?') == std::string::npos ? "?" : "&", name, "=", http::url_escape(value));
  };
  if (const auto service = challenge.parameters.find("service"); service != challenge.parameters.end()) {
    add("service", service->second);
  }
  for (const std::string& text : scopes) add("scope", text);
  if (credentials && !credentials->user.empty()) {
    add("account", credentials->user);
    request.authorization = basic(*credentials);
  }
  return request;
}

std::string token_in(const http::Reply& reply) {
  const std::string name = concat("the token from ", quote(http::origin_of(reply.url)));
  const nlohmann::json parsed = parse_json(reply.body, name);
  const JsonView view{parsed, name};
  std::string token = view.text("token");
  if (token.empty()) token = view.text("access_token");
  if (token.empty()) view.fail("it is empty");
  return token;
}

const Challenge* find(const std::vector<Challenge>& challenges, std::string_view scheme) {
  const auto found = std::find_if(challenges.begin(), challenges.end(),
                                  [&](const Challenge& challenge) { return challenge.scheme == scheme; });
  return found == challenges.end() ? nullptr : &*found;
}

}  // namespace

std::vector<std::string> Scope::texts(const Reference& repository) const {
  std::vector<std::string> out{concat("repository:", repository.repository(), push ? ":pull,push" : ":pull")};
  if (mount_from) out.push_back(concat("repository:", mount_from->repository(), ":pull"));
  return out;
}

std::string describe(const http::Reply& reply) {
  std::string out = concat("it answered ", reply.status);
  try {
    const nlohmann::json parsed = parse_json(reply.body, "");
    const auto errors = JsonView{parsed, ""}.items("errors");
    if (errors.empty()) return out;
    const std::string text = concat(errors[0].text("code"), ": ", errors[0].text("message"));
    return concat(out, " (", quote(text.substr(0, 300)), ")");
  } catch (const Error&) {
    return out;  // no JSON: a proxy's page, say
  }
}

std::string Authenticator::known(const Endpoint& endpoint, const Scope& scope) {
  auto headers = headers_.lock();
  const auto found = headers->find(key_of(endpoint.repository, scope));
  return found == headers->end() ? std::string{} : found->second;
}

std::string Authenticator::answer(const Endpoint& endpoint, const Scope& scope, const http::Reply& reply,
                                  const std::string& used) {
  // Another thread may have logged in since.
  if (std::string now = known(endpoint, scope); !now.empty() && now != used) return now;
  std::string header = login(endpoint, scope, reply);
  if (header == used) throw denied(endpoint, reply);
  (*headers_.lock())[key_of(endpoint.repository, scope)] = header;
  return header;
}

std::string Authenticator::login(const Endpoint& endpoint, const Scope& scope, const http::Reply& reply) {
  std::vector<Challenge> challenges;
  for (auto [header, end] = reply.headers.equal_range("www-authenticate"); header != end; ++header) {
    for (Challenge& challenge : parse_challenges(header->second)) challenges.push_back(std::move(challenge));
  }
  const auto its = credentials(endpoint.repository).found;
  if (const Challenge* bearer = find(challenges, "bearer")) {
    if (its && !its->registry_token.empty()) return "Bearer " + its->registry_token;
    return "Bearer " + fetch_token(*bearer, endpoint, scope, reply);
  }
  if (find(challenges, "basic") != nullptr && its && !its->user.empty()) return basic(*its);
  throw denied(endpoint, reply);
}

std::string Authenticator::fetch_token(const Challenge& challenge, const Endpoint& endpoint, const Scope& scope,
                                       const http::Reply& refused) {
  const auto realm = challenge.parameters.find("realm");
  if (realm == challenge.parameters.end()) {
    throw Error{"registry ", quote(endpoint.repository.domain()),
                ": it asks for a token but does not say where to get it"};
  }
  const std::string url = http::resolve_url(refused.url, realm->second);
  const bool encrypted = http::origin_of(url).starts_with("https://");
  if (http::origin_of(url).empty() || (http::origin_of(refused.url).starts_with("https://") && !encrypted)) {
    throw Error{"registry ", quote(endpoint.repository.domain()), ": it asks for credentials to be sent to ",
                quote(url), ", which is not encrypted"};
  }
  http::ClientRequest request =
      token_request(url, challenge, scope.texts(endpoint.repository), credentials(endpoint.repository).found);
  request.insecure = endpoint.insecure && http::host_and_port(url) == http::host_and_port(refused.url);
  const http::Reply reply = client_.perform(request);
  if (reply.status == 400 || reply.status == 401 || reply.status == 403) throw denied(endpoint, reply);
  if (!reply.good()) {
    throw http::TransportError{reply.status >= 500 || reply.status == 429 ? http::TransportError::Kind::transient
                                                                          : http::TransportError::Kind::permanent,
                               "token server ", quote(http::origin_of(url)), ": ", describe(reply)};
  }
  return token_in(reply);
}

CredentialSearch Authenticator::credentials(const Reference& repository) {
  auto known = credentials_.lock();
  const auto found = known->find(repository.locator());
  if (found != known->end()) return found->second;
  return known->emplace(repository.locator(), find_credentials(options_.credential_files, repository)).first->second;
}

std::string Authenticator::tried(const Reference& repository) {
  const CredentialSearch search = credentials(repository);
  std::string passed;
  for (const std::string& place : search.passed) passed += (passed.empty() ? "" : ", ") + place;
  if (const auto& its = search.found) {
    return concat("tried ", its->user.empty() ? "the token" : concat("the login of ", quote(its->user)), " from ",
                  its->origin);
  }
  return concat("found no login for it", passed.empty() ? "" : " in ", passed);
}

AccessDenied Authenticator::denied(const Endpoint& endpoint, const http::Reply& reply) {
  const Reference& repository = endpoint.repository;
  return AccessDenied{
      Error{endpoint.is_mirror ? "mirror " : "registry ", quote(repository.domain()), " refuses access to ",
            quote(repository.repository()), ": ", describe(reply), "; ", tried(repository)}
          .with_hint(
              concat("check the name of the image; if it is private, log in with `docker login` or `podman login` at ",
                     quote(repository.domain())))};
}

}  // namespace kiln::oci
