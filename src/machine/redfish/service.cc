#include "machine/redfish/service.h"

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "http/url.h"
#include "oci/base64.h"
#include "oci/json.h"

namespace kiln::machine::redfish {
namespace {

using namespace std::chrono_literals;

constexpr int kTries = 4;
constexpr std::chrono::nanoseconds kBetweenTries = 2s;
constexpr int kMostPages = 1000;

bool is_busy(long status) { return status == 429 || status == 502 || status == 503 || status == 504; }

bool has_no_sessions(long status) { return status == 404 || status == 405 || status == 501; }

/// Of a path or a whole URL (Location headers have either): the path.
std::string path_of(const std::string& location) {
  const std::string origin = http::origin_of(location);
  if (origin.empty()) return location;
  const std::size_t slash = location.find('/', location.find("://") + 3);
  return slash == std::string::npos ? "/" : location.substr(slash);
}

}  // namespace

Service::Service(std::string url, Transport& transport, Waiter& waiter, Reporter& reporter)
    : url_{std::move(url)}, transport_{transport}, waiter_{waiter}, reporter_{reporter} {
  while (url_.ends_with('/')) url_.pop_back();
}

Root Service::root() { return read_root(get("/redfish/v1/").body); }

http::ClientRequest Service::request(const std::string& method, const std::string& path) const {
  if (!path.starts_with('/') || path.starts_with("//")) {
    throw Error{"the BMC gives ", quote(path), " as the path of a resource: expected one that begins with /"};
  }
  http::ClientRequest out;
  out.method = method;
  out.url = url_ + path;
  out.headers = {"Accept: application/json", "OData-Version: 4.0"};
  if (!token_.empty()) out.secret_headers = {"X-Auth-Token: " + token_};
  out.authorization = basic_;
  return out;
}

http::Reply Service::send(const http::ClientRequest& request) { return exchange(transport_, request, "the BMC"); }

void Service::check(const http::Reply& reply, std::string_view what) const {
  if (reply.good()) return;
  const std::string said = read_error(reply.body);
  Error error{what, ": the BMC answers ", reply.status, said.empty() ? "" : ": ", said};
  if (reply.status == 401) {
    throw std::move(error).with_hint(
        "user or password are not right: --user, and KILN_BMC_PASSWORD or --password-file");
  }
  if (reply.status == 403) throw std::move(error).with_hint("the user may not do this: it needs the role Operator");
  throw error;
}

Resource Service::get_once(const std::string& path) {
  const http::Reply reply = send(request("GET", path));
  check(reply, concat("reading ", quote(path)));
  return {reply.body, reply.header("etag")};
}

Resource Service::get(const std::string& path) {
  for (int tries = 1;; ++tries) {
    try {
      const http::Reply reply = transport_.perform(request("GET", path));
      if (!is_busy(reply.status) || tries == kTries) {
        check(reply, concat("reading ", quote(path)));
        return {reply.body, reply.header("etag")};
      }
    } catch (const http::TransportError& error) {
      if (error.kind() != http::TransportError::Kind::transient || tries == kTries) return get_once(path);
      reporter_.detail(concat(error.message(), ": trying again"));
    }
    waiter_.pause(kBetweenTries);
  }
}

http::Reply Service::patch(const std::string& path, const std::string& json, const std::string& etag) {
  http::ClientRequest out = request("PATCH", path);
  out.headers.emplace_back("Content-Type: application/json");
  if (!etag.empty()) out.headers.push_back("If-Match: " + etag);
  out.text = json;
  return send(out);
}

http::Reply Service::post(const std::string& path, const std::string& json) {
  http::ClientRequest out = request("POST", path);
  out.headers.emplace_back("Content-Type: application/json");
  out.text = json;
  return send(out);
}

void Service::create_session(const Login& login, const std::string& path) {
  const http::Reply reply =
      post(path, oci::dump_json(nlohmann::json{{"UserName", login.user}, {"Password", login.password}}));
  if (has_no_sessions(reply.status) && login.authentication == Authentication::automatic) return;
  check(reply, concat("logging in as ", quote(login.user)));
  token_ = reply.header("x-auth-token");
  if (token_.empty()) throw Error{"logging in as ", quote(login.user), ": the BMC's reply has no X-Auth-Token"};
  session_ = path_of(reply.header("location"));
}

void Service::log_in(const Login& login, const Root& root) {
  const bool wants_session = login.authentication != Authentication::basic;
  if (wants_session && !root.sessions.empty()) create_session(login, root.sessions);
  if (!token_.empty()) return;
  if (login.authentication == Authentication::session) {
    throw Error{"the BMC has no sessions (its service root has no 'Links.Sessions')"}.with_hint("use --auth basic");
  }
  basic_ = "Basic " + oci::base64_encode(login.user + ":" + login.password);
}

void Service::log_out() noexcept {
  if (token_.empty()) return;
  try {
    if (!session_.empty()) send(request("DELETE", session_));
  } catch (const std::exception& error) {
    reporter_.detail(concat("logging out: ", std::string_view{error.what()}));  // it ends by itself after a while
  }
  token_.clear();
}

std::vector<std::string> members(Service& service, const std::string& path) {
  std::vector<std::string> all;
  std::string next = path;
  for (int page = 0; !next.empty(); ++page) {
    if (page == kMostPages) throw Error{"the collection ", quote(path), " has no end"};
    Collection part = read_collection(service.get(next).body, concat("the collection ", quote(path)));
    all.insert(all.end(), part.members.begin(), part.members.end());
    next = part.next;
  }
  return all;
}

}  // namespace kiln::machine::redfish
