#include "netboot/tftp/server.h"

#include <algorithm>
#include <unordered_map>

#include "base/error.h"
#include "base/event_loop.h"
#include "netboot/tftp/connection.h"
#include "netboot/tftp/file_name.h"
#include "netboot/tftp/negotiation.h"
#include "netboot/tftp/packet.h"
#include "netboot/tftp/socket.h"

namespace kiln::tftp {
namespace {

using namespace std::chrono_literals;

/// Requests taken before transfers get their turn.
constexpr int kAtOnce = 64;
/// Block numbers have 16 bits; a window must be less than half of that.
constexpr std::uint32_t kLargestWindow = 4096;
constexpr std::size_t kRequestBuffer = 4096;

/// What is answered instead of a transfer.
struct Refusal {
  ErrorCode code;
  std::string reason;
};

}  // namespace

class Server::State {
 public:
  State(EventLoop& loop, ServerOptions options, Find find, Observer& observer)
      : loop_{loop},
        options_{std::move(options)},
        find_{std::move(find)},
        observer_{observer},
        socket_{listen_on(options_.address, options_.port, options_.interface)} {
    loop_.watch(socket_.get(), EventLoop::kReadable, [this](std::uint32_t) { on_ready(); });
  }
  ~State() {
    loop_.cancel(progress_timer_);
    loop_.forget(socket_.get());
    for (auto& [key, entry] : transfers_) entry.connection->abort("the server is shutting down");
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  std::uint16_t port() const { return port_of(socket_.get()); }
  std::size_t transfers() const { return transfers_.size(); }

 private:
  void on_ready();
  void on_datagram(Bytes datagram, const Received& received);
  void on_request(const Request& request, const Received& received);
  std::variant<File, Refusal> look_up(const Request& request, const Peer& peer, std::string& name) const;
  bool is_repeated(const std::string& key, const Request& request);
  void start(const Request& request, const Received& received, std::string name, File file);
  void refuse(const Received& received, const Peer& peer, std::string_view file, const Refusal& refusal);
  void remove(const std::string& key);
  void tell_progress();

  EventLoop& loop_;
  const ServerOptions options_;
  const Find find_;
  Observer& observer_;
  UniqueFd socket_;
  Scratch scratch_;
  std::vector<std::byte> buffer_ = std::vector<std::byte>(kRequestBuffer);
  struct Entry {
    Request request;
    std::unique_ptr<Connection> connection;
  };
  std::unordered_map<std::string, Entry> transfers_;  // by SocketAddress::key
  std::unordered_map<std::string, std::size_t> per_host_;
  EventLoop::Timer progress_timer_ = 0;
};

void Server::State::on_ready() {
  for (int i = 0; i < kAtOnce; ++i) {
    Received received;
    try {
      if (!receive(socket_.get(), buffer_, received)) return;
      on_datagram(Bytes{buffer_}.first(received.size), received);
    } catch (const Error& error) {
      const std::string from = received.size > 0 ? "datagram from " + received.from.peer().to_string() + ": " : "";
      observer_.on_trouble("TFTP: " + from + error.message());
    }
  }
}

void Server::State::on_datagram(Bytes datagram, const Received& received) {
  on_request(parse_request(datagram), received);
}

void Server::State::on_request(const Request& request, const Received& received) {
  const std::string key = received.from.key();
  if (is_repeated(key, request)) return;
  const Peer peer = received.from.peer();
  if (transfers_.size() >= options_.transfers) {
    // No answer: the client asks again, and there may be room then.
    return observer_.on_refused(peer, request.file, concat("all ", options_.transfers, " transfers are in use"));
  }
  std::string name;
  std::variant<File, Refusal> found = look_up(request, peer, name);
  if (const auto* refusal = std::get_if<Refusal>(&found)) {
    return refuse(received, peer, name.empty() ? request.file : name, *refusal);
  }
  start(request, received, std::move(name), std::move(std::get<File>(found)));
}

std::variant<File, Refusal> Server::State::look_up(const Request& request, const Peer& peer, std::string& name) const {
  if (request.write) return Refusal{ErrorCode::access_violation, "files can only be read here"};
  if (request.mode != "octet") {
    return Refusal{ErrorCode::illegal_operation, "mode " + quote(request.mode) + " is not served, only octet (binary)"};
  }
  const auto clean = clean_name(request.file);
  if (!clean) return Refusal{ErrorCode::access_violation, "the name " + quote(request.file) + " is not allowed"};
  name = *clean;
  const auto held = per_host_.find(peer.host);
  if (held != per_host_.end() && held->second >= options_.per_peer) {
    return Refusal{ErrorCode::undefined, concat("this address has ", held->second, " transfers already")};
  }
  try {
    std::variant<File, NoFile> found = find_(name, peer);
    if (auto* file = std::get_if<File>(&found)) return std::move(*file);
    const std::string& reason = std::get<NoFile>(found).reason;
    return Refusal{ErrorCode::file_not_found, reason.empty() ? "no such file" : reason};
  } catch (const Error& error) {
    return Refusal{ErrorCode::undefined, error.message()};
  }
}

/// A request from an address and port that has a transfer: sent again because our answer is not there yet (which is
/// repeated by itself); or the client was reset, or wants something else, with the same port.
bool Server::State::is_repeated(const std::string& key, const Request& request) {
  const auto found = transfers_.find(key);
  if (found == transfers_.end()) return false;
  if (found->second.request == request && !found->second.connection->has_begun()) return true;
  // Without a word to the client: it would take an error from the old transfer as the answer to its new request.
  found->second.connection->leave("the client began anew");
  remove(key);
  return false;
}

void Server::State::start(const Request& request, const Received& received, std::string name, File file) {
  UniqueFd socket = connect_back(received, options_.interface);
  std::uint32_t block_size = options_.block_size;
  if (!options_.allow_fragments) {
    const std::uint32_t payload = largest_payload(socket.get(), received.from.family());
    block_size = std::min(block_size, payload - static_cast<std::uint32_t>(kDataHeader));
  }
  const TermLimits limits{block_size, std::min(options_.window_size, kLargestWindow)};
  Terms terms = negotiate(request, file.size(), limits);

  const std::string key = received.from.key();
  Connection::Start start{std::move(socket), received.from.peer(), std::move(name),
                          std::move(file),   std::move(terms),     options_.patience};
  ++per_host_[start.peer.host];
  auto connection =
      std::make_unique<Connection>(loop_, scratch_, observer_, std::move(start), [this, key] { remove(key); });
  Connection& started = *transfers_.emplace(key, Entry{request, std::move(connection)}).first->second.connection;
  if (progress_timer_ == 0) progress_timer_ = loop_.after(1s, [this] { tell_progress(); });
  started.start();
}

void Server::State::refuse(const Received& received, const Peer& peer, std::string_view file, const Refusal& refusal) {
  observer_.on_refused(peer, file, refusal.reason);
  const std::string packet = error_packet(refusal.code, refusal.reason);
  const UniqueFd socket = connect_back(received, options_.interface);
  if (::send(socket.get(), packet.data(), packet.size(), 0) < 0) throw SysError{errno, "sending an error"};
}

void Server::State::remove(const std::string& key) {
  const auto found = transfers_.find(key);
  const auto host = per_host_.find(found->second.connection->status().peer.host);
  if (--host->second == 0) per_host_.erase(host);
  transfers_.erase(found);
}

void Server::State::tell_progress() {
  progress_timer_ = 0;
  if (transfers_.empty()) return;
  for (const auto& [key, entry] : transfers_) {
    if (entry.connection->status().duration >= 1s) entry.connection->tell_progress();
  }
  progress_timer_ = loop_.after(1s, [this] { tell_progress(); });
}

Server::Server(EventLoop& loop, ServerOptions options, Find find, Observer& observer)
    : state_{std::make_unique<State>(loop, std::move(options), std::move(find), observer)} {}

Server::~Server() = default;

std::uint16_t Server::port() const { return state_->port(); }

std::size_t Server::transfers() const { return state_->transfers(); }

}  // namespace kiln::tftp
