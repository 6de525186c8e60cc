#pragma once

#include <chrono>
#include <cstdint>
#include <ctime>
#include <functional>
#include <memory>
#include <vector>

#include "http/observer.h"
#include "http/response.h"

namespace kiln {
class EventLoop;
}

namespace kiln::http {

/// What a server lets one client, and all of them, take from it. The defaults suit firmware on a slow management
/// network as well as a rack that boots at once.
struct Limits {
  std::size_t request_line = 8 << 10;  ///< bytes; more: 414
  std::size_t head = 16 << 10;         ///< bytes of request line and headers; more: 431
  std::size_t headers = 100;           ///< their number; more: 431
  std::size_t body = 64 << 10;         ///< bytes of a request's body; more: 413

  std::chrono::seconds head_time{20};  ///< from a request's first byte (or the connection) to its last; then 408
  std::chrono::seconds idle{75};       ///< between requests; then the connection is closed
  /// A reader must take `slowest` bytes a second, measured over `patience`; one that does not is cut off. 1 KiB/s is a
  /// hundredth of the slowest network card in use, and an hour for 4 MB: nobody boots over that.
  std::chrono::seconds patience{60};
  std::uint64_t slowest = 1 << 10;
  std::chrono::seconds linger{2};  ///< how long a client's remaining input is read away after an answer that ends it

  std::size_t connections = 10'000;  ///< in all; and never more than half the descriptors the process may have
  std::size_t per_peer = 2'000;      ///< of one address; more: 503
};

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
