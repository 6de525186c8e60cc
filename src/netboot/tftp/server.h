#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "netboot/tftp/file.h"
#include "netboot/tftp/observer.h"

namespace kiln {
class EventLoop;
}

namespace kiln::tftp {

/// Why a name has no file, in words: they are sent to the client and to the observer. Empty: "no such file".
struct NoFile {
  std::string reason;
};

/// Finds what is served under a name. The name was cleaned: backslashes are slashes, no "" or "." component, no slash
/// at either end; one with ".." or control characters is refused before. Called for every request, so it must not take
/// long; what it throws (Error) fails the request only.
using Find = std::function<std::variant<File, NoFile>(std::string_view name, const Peer& peer)>;

struct ServerOptions {
  std::string address;      ///< to listen on; empty: every one of this machine, IPv4 and IPv6
  std::uint16_t port = 69;  ///< 0: a free one
  std::string interface;    ///< hear requests of this one only; empty: of all
  /// The largest block agreed to. Clients get at most what fits their path's MTU unfragmented, unless
  /// `allow_fragments`.
  std::uint32_t block_size = 65464;
  bool allow_fragments = false;
  std::uint32_t window_size = 64;     ///< the most blocks agreed to
  std::size_t transfers = 2000;       ///< in all; further requests are left unanswered: clients ask again
  std::size_t per_peer = 64;          ///< of one address; a machine needs one, or a few when it starts again and again
  std::chrono::seconds patience{30};  ///< without any progress before a client is given up
};

/// A read-only TFTP server: RFC 1350, 2347 (options), 2348 (blksize), 2349 (tsize, timeout), 7440 (windowsize).
class Server {
 public:
  /// Listens at once. Throws Error if it may not or cannot ("UDP port 69 is taken by in.tftpd (pid 812)"). Loop and
  /// observer must outlive it.
  Server(EventLoop& loop, ServerOptions options, Find find, Observer& observer);
  ~Server();  ///< breaks off every transfer
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  std::uint16_t port() const;
  std::size_t transfers() const;  ///< on their way

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace kiln::tftp
