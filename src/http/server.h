#pragma once

#include <chrono>
#include <ctime>
#include <functional>
#include <memory>
#include <vector>

#include "http/limits.h"
#include "http/observer.h"
#include "http/response.h"

namespace kiln {
class EventLoop;
}

namespace kiln::http {

struct ServerOptions {
  std::vector<Endpoint> listen;  ///< port 0: a free one; host empty: IPv6 and IPv4
  Limits limits;
  std::function<std::time_t()> wall_clock;  ///< for the Date header; by default time()
};

/// Answers one request. Called on the server's thread, so it must not wait for anything; what takes longer goes through
/// a Channel. What it throws is logged and becomes a 500.
using Handler = std::function<Response(const Request&)>;

/// An HTTP/1.0 and 1.1 server (RFC 9110, 9112) on an event loop: one thread, any number of connections, files by
/// sendfile. GET, HEAD and POST with a small body.
class Server {
 public:
  /// Listens at once; throws Error if it cannot on one of `options.listen`. Loop and observer must outlive it.
  Server(EventLoop& loop, ServerOptions options, Handler handler, Observer& observer);
  ~Server();  ///< cuts off every connection
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Where it listens, with the ports it got; an empty host is listed as such, once.
  const std::vector<Endpoint>& endpoints() const;
  std::size_t connections() const;
  std::size_t transfers() const;  ///< responses on their way

  /// Accepts nothing more, closes idle connections, and each other one after its response. `idle` is called when none
  /// is left, or after `grace`, whichever is first.
  void drain(std::chrono::nanoseconds grace, std::function<void()> idle);

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace kiln::http
