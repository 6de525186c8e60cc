#include "http/server.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <unordered_map>

#include "base/error.h"
#include "base/event_loop.h"
#include "http/connection.h"
#include "http/listener.h"

namespace kiln::http {
namespace {

using namespace std::chrono_literals;

constexpr int kAcceptedAtOnce = 64;
constexpr auto kTick = 1s;
constexpr auto kAcceptPause = 500ms;
// A connection that has waited for less may have a request on its way, or in its socket, unread.
constexpr auto kIdleEnough = 500ms;

// Descriptors that the rest of the process has or needs.
constexpr std::size_t kReserved = 32;

/// Half of what the process may open: each connection may hold a file besides its socket.
std::size_t most_connections(const Limits& limits) {
  rlimit descriptors{};
  if (::getrlimit(RLIMIT_NOFILE, &descriptors) != 0) return limits.connections;
  const std::size_t free = std::max<std::size_t>(descriptors.rlim_cur, kReserved) - kReserved;
  return std::clamp<std::size_t>(free / 2, 1, limits.connections);
}

/// sendfile() has no MSG_NOSIGNAL.
void ignore_broken_pipes() {
  struct sigaction action {};
  if (::sigaction(SIGPIPE, nullptr, &action) != 0 || action.sa_handler != SIG_DFL) return;
  action.sa_handler = SIG_IGN;
  ::sigaction(SIGPIPE, &action, nullptr);
}

bool out_of_resources(int error) { return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM; }

Endpoint local_end(int socket) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) != 0) return {};
  return Endpoint::of(reinterpret_cast<const sockaddr&>(address));
}

}  // namespace

class Server::State {
 public:
  State(EventLoop& loop, ServerOptions options, Handler handler, Observer& observer);
  ~State();

  const std::vector<Endpoint>& endpoints() const { return endpoints_; }
  std::size_t connections() const { return connections_.size(); }
  std::size_t transfers() const;
  void drain(std::chrono::nanoseconds grace, std::function<void()> idle);

 private:
  void accept_from(int listener);
  const Connection* take(UniqueFd socket, const sockaddr& address);
  void on_ready(Connection& connection);
  void remove_if_closed(Connection& connection);
  bool make_room(const Connection* newest);
  void pause_accepting(std::string_view why);
  void resume_accepting();
  void tick();
  void end_if_drained();

  Service service_;
  std::size_t most_connections_;
  std::vector<Listener> listeners_;
  std::vector<Endpoint> endpoints_;
  std::unordered_map<Connection*, std::unique_ptr<Connection>> connections_;
  std::unordered_map<std::string, std::size_t> by_peer_;
  EventLoop::Timer ticking_ = 0;
  EventLoop::Timer paused_ = 0;
  EventLoop::Timer draining_ = 0;
  std::function<void()> on_drained_;
};

Server::State::State(EventLoop& loop, ServerOptions options, Handler handler, Observer& observer)
    : service_{loop, options.limits, std::move(handler), std::move(options.wall_clock), observer},
      most_connections_{most_connections(options.limits)},
      listeners_{open_listeners(options.listen)} {
  if (!service_.wall_clock) service_.wall_clock = [] { return std::time(nullptr); };
  ignore_broken_pipes();
  for (const Listener& listener : listeners_) {
    endpoints_.push_back(listener.endpoint);
    const int socket = listener.socket.get();
    loop.watch(socket, EventLoop::kReadable, [this, socket](std::uint32_t) { accept_from(socket); });
  }
}

Server::State::~State() {
  for (const EventLoop::Timer timer : {ticking_, paused_, draining_}) service_.loop.cancel(timer);
  for (const Listener& listener : listeners_) service_.loop.forget(listener.socket.get());
}

std::size_t Server::State::transfers() const {
  return static_cast<std::size_t>(std::count_if(connections_.begin(), connections_.end(),
                                                [](const auto& one) { return one.second->is_answering(); }));
}

void Server::State::accept_from(int listener) {
  const Connection* newest = nullptr;
  for (int i = 0; i < kAcceptedAtOnce; ++i) {
    // One more than may stay is let in before another has to go: only then is it known that there is one.
    while (connections_.size() > most_connections_) {
      if (!make_room(newest)) {
        return pause_accepting(concat(most_connections_, " connections are open, and all are busy"));
      }
    }
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    UniqueFd socket{::accept4(listener, reinterpret_cast<sockaddr*>(&address), &size, SOCK_NONBLOCK | SOCK_CLOEXEC)};
    if (socket) {
      newest = take(std::move(socket), reinterpret_cast<const sockaddr&>(address));
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      return;
    } else if (out_of_resources(errno)) {
      return pause_accepting(SysError{errno, "accepting a connection"}.message());
    }  // otherwise that client has gone away already: the next one
  }
}

const Connection* Server::State::take(UniqueFd socket, const sockaddr& address) {
  const int fd = socket.get();
  auto made = std::make_unique<Connection>(std::move(socket), Endpoint::of(address), local_end(fd), service_);
  Connection& connection = *made;
  connections_.emplace(&connection, std::move(made));
  service_.loop.watch(fd, EventLoop::kReadable, [this, &connection](std::uint32_t) { on_ready(connection); });
  if (ticking_ == 0) ticking_ = service_.loop.after(kTick, [this] { tick(); });
  if (++by_peer_[connection.peer().host] > service_.limits.per_peer) {
    connection.turn_away(503, concat("this address has ", service_.limits.per_peer, " connections already"));
    remove_if_closed(connection);
  }
  return &connection;
}

void Server::State::on_ready(Connection& connection) {
  try {
    connection.on_ready();
  } catch (const std::exception& error) {  // out of memory, say: one client's trouble must not become the others'
    service_.observer.on_trouble(concat("serving ", connection.peer().to_string(), ": ", error.what()));
    connection.cut_off("the server failed");
  }
  remove_if_closed(connection);
  end_if_drained();
}

void Server::State::remove_if_closed(Connection& connection) {
  if (!connection.is_closed()) return;
  const auto peer = by_peer_.find(connection.peer().host);
  if (--peer->second == 0) by_peer_.erase(peer);
  connections_.erase(&connection);
  resume_accepting();
}

/// Closes the connection that has been waiting for a request for the longest: a client that stays away, or one that
/// holds connections open to keep others out.
bool Server::State::make_room(const Connection* newest) {
  const std::chrono::nanoseconds latest = service_.loop.clock().now() - kIdleEnough;
  Connection* oldest = nullptr;
  for (const auto& [address, connection] : connections_) {
    const auto since = connection->waiting_since();
    if (since && *since <= latest && address != newest && (oldest == nullptr || *since < *oldest->waiting_since()))
      oldest = connection.get();
  }
  if (oldest == nullptr) return false;
  oldest->drain();
  remove_if_closed(*oldest);
  return true;
}

/// Clients wait in the kernel's queue meanwhile. Ends when a connection does, or after a while: what is missing may be
/// in others' hands.
void Server::State::pause_accepting(std::string_view why) {
  if (paused_ != 0) return;
  service_.observer.on_trouble(concat("no new connections for now: ", why));
  for (const Listener& listener : listeners_) service_.loop.change(listener.socket.get(), 0);
  paused_ = service_.loop.after(kAcceptPause, [this] {
    paused_ = 0;
    for (const Listener& listener : listeners_) service_.loop.change(listener.socket.get(), EventLoop::kReadable);
  });
}

void Server::State::resume_accepting() {
  if (paused_ == 0) return;
  service_.loop.cancel(paused_);
  paused_ = 0;
  for (const Listener& listener : listeners_) service_.loop.change(listener.socket.get(), EventLoop::kReadable);
}

void Server::State::tick() {
  ticking_ = 0;
  std::vector<Connection*> all;
  all.reserve(connections_.size());
  for (const auto& [address, connection] : connections_) all.push_back(address);
  for (Connection* connection : all) {
    connection->on_tick();
    remove_if_closed(*connection);
  }
  if (!connections_.empty()) ticking_ = service_.loop.after(kTick, [this] { tick(); });
  end_if_drained();
}

void Server::State::drain(std::chrono::nanoseconds grace, std::function<void()> idle) {
  service_.draining = true;
  resume_accepting();
  for (const Listener& listener : listeners_) service_.loop.forget(listener.socket.get());
  listeners_.clear();
  std::vector<Connection*> all;
  for (const auto& [address, connection] : connections_) all.push_back(address);
  for (Connection* connection : all) {
    connection->drain();
    remove_if_closed(*connection);
  }
  on_drained_ = std::move(idle);
  draining_ = service_.loop.after(connections_.empty() ? 0ns : grace, [this] {
    draining_ = 0;
    if (on_drained_) std::exchange(on_drained_, nullptr)();
  });
}

void Server::State::end_if_drained() {
  if (!service_.draining || !connections_.empty() || !on_drained_) return;
  service_.loop.cancel(std::exchange(draining_, 0));
  std::exchange(on_drained_, nullptr)();
}

Server::Server(EventLoop& loop, ServerOptions options, Handler handler, Observer& observer)
    : state_{std::make_unique<State>(loop, std::move(options), std::move(handler), observer)} {}
Server::~Server() = default;

const std::vector<Endpoint>& Server::endpoints() const { return state_->endpoints(); }
std::size_t Server::connections() const { return state_->connections(); }
std::size_t Server::transfers() const { return state_->transfers(); }
void Server::drain(std::chrono::nanoseconds grace, std::function<void()> idle) {
  state_->drain(grace, std::move(idle));
}

}  // namespace kiln::http
