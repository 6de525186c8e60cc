#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace kiln::http {

/// A body that is written while it is read, and may never end: server-sent events, a log that is followed. The handler
/// puts a shared Channel into its Response, keeps the pointer, and sends when there is something to say. What is sent
/// before the response's head has left is kept. To be used on the server's thread only.
class Channel {
 public:
  /// What a client may be behind before it is given up: slow readers must not fill the memory.
  static constexpr std::size_t kMostBehind = 1 << 20;

  /// Queues it. False if the client is gone or was given up for being too far behind: forget the channel then.
  bool send(std::string_view text);
  /// One server-sent event ("text/event-stream"): each line of `data` becomes a line of the event.
  bool send_event(std::string_view name, std::string_view data);
  void end();  ///< the response is complete once all of it is sent

  bool is_open() const { return !closed_ && !ended_; }

 private:
  friend class Connection;
  std::string pending_;
  std::function<void()> wake_;  // set by the connection while it is attached
  bool ended_ = false;
  bool closed_ = false;
};

}  // namespace kiln::http
