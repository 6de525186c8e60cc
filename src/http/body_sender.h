#pragma once

#include <string>

#include "http/body.h"

namespace kiln::http {

/// Moves a head and a body into a socket as far as it takes them: small pieces are gathered into one packet with what
/// precedes them, files go by sendfile.
class BodySender {
 public:
  enum class Outcome {
    all,      ///< everything is with the kernel
    blocked,  ///< the socket is full
    turn,     ///< the others' turn; the socket would take more
    gone,     ///< the client is
    shrunk    ///< a file has become shorter than the body says
  };

  void begin(std::string head, Body body);
  void append(std::string_view text) { gathered_ += text; }  ///< more to send, after everything else

  /// Adds what it sent to `handed`.
  Outcome send(int socket, std::uint64_t& handed);
  bool is_empty() const { return sent_ == gathered_.size() && piece_ == body_.pieces().size(); }

 private:
  bool gather();
  bool gather_file(const Body::File& file, std::uint64_t size);
  Outcome send_gathered(int socket, std::uint64_t& handed, std::size_t most);
  Outcome send_piece(int socket, std::uint64_t& handed, std::size_t most);
  void advance(std::uint64_t size);
  std::uint64_t left_of_piece() const;

  std::string gathered_;  // comes before the rest of the body
  std::size_t sent_ = 0;  // of it
  Body body_;
  std::size_t piece_ = 0;     // the first of which something is left
  std::uint64_t offset_ = 0;  // in it
  bool no_sendfile_ = false;  // on this file's file system
};

}  // namespace kiln::http
