#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/reporter.h"
#include "machine/redfish/schema.h"
#include "machine/remote/transport.h"
#include "machine/remote/waiter.h"

namespace kiln::machine::redfish {

enum class Authentication {
  automatic,  ///< a session, or Basic where the BMC has none
  session,
  basic
};

struct Login {
  std::string user, password;
  Authentication authentication = Authentication::automatic;
};

/// A resource as it was read.
struct Resource {
  std::string body;
  std::string etag;  ///< of the ETag header
};

/// A BMC's Redfish service, logged in to. Reading is tried again when the BMC is busy or does not answer; changing is
/// not. Paths are those the service gave; they cannot lead to another host. Thread-safe once it is logged in.
class Service {
 public:
  /// `url` is scheme and authority: "https://10.0.0.2". Reporter, transport and waiter must outlive it.
  Service(std::string url, Transport& transport, Waiter& waiter, Reporter& reporter);

  Root root();  ///< needs no login
  void log_in(const Login& login, const Root& root);
  void log_out() noexcept;  ///< ends the session, if there is one

  Resource get(const std::string& path);
  /// One exchange, not tried again and with nothing said: for polling while other things go on.
  Resource get_once(const std::string& path);
  /// The reply, whose status the caller judges.
  http::Reply patch(const std::string& path, const std::string& json, const std::string& etag);
  http::Reply post(const std::string& path, const std::string& json);

  /// Throws Error unless the reply is good: "WHAT: the BMC answers STATUS: ITS MESSAGES".
  void check(const http::Reply& reply, std::string_view what) const;
  const std::string& url() const { return url_; }

 private:
  http::ClientRequest request(const std::string& method, const std::string& path) const;
  http::Reply send(const http::ClientRequest& request);
  void create_session(const Login& login, const std::string& path);

  std::string url_;
  Transport& transport_;
  Waiter& waiter_;
  Reporter& reporter_;
  std::string token_;    // of a session
  std::string basic_;    // or this
  std::string session_;  // its path
};

/// Every member of a collection, over all its pages.
std::vector<std::string> members(Service& service, const std::string& path);

}  // namespace kiln::machine::redfish
