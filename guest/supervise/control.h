#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "base/errno.h"
#include "base/unique_fd.h"
#include "supervise/event_loop.h"

namespace guest {

inline constexpr char kControlSocket[] = "/run/kiln/control.sock";

/// A request to PID 1: one line, `VERB` or `VERB NAME`. See README.md, "Control protocol".
struct ControlRequest {
  enum class Verb { ls, start, stop, restart, poweroff, reboot, halt };
  Verb verb = Verb::ls;
  std::string name;  ///< of a service, for start, stop and restart
  friend bool operator==(const ControlRequest&, const ControlRequest&) = default;
};

inline constexpr std::size_t kMaxRequest = 1024;

/// Reads a request line (without its newline). Returns an empty string, or what is wrong with it.
std::string parse_request(std::string_view line, ControlRequest& request);

/// The listening side. Each connection carries one request and gets one answer, perhaps much later.
class ControlServer {
 public:
  /// Answers the connection with that number; later calls for the same number do nothing.
  using Handler = std::function<void(int connection, const ControlRequest& request)>;

  ControlServer(EventLoop& loop, Handler handler) : loop_(loop), handler_(std::move(handler)) {}

  Errno open();
  /// `answer` is "ok\n" and a payload, or "error MESSAGE\n".
  void answer(int connection, std::string_view answer);

 private:
  void accept();
  void read(int connection);
  void close(int connection);

  struct Connection {
    UniqueFd fd;
    std::string line;
    bool asked = false;
  };
  // Connections are numbered in order, never reused: an answer that comes late must not reach another client.
  static constexpr std::size_t kMaxConnections = 32;

  EventLoop& loop_;
  Handler handler_;
  UniqueFd socket_;
  std::map<int, Connection> connections_;
  int next_ = 1;
};

}  // namespace guest
