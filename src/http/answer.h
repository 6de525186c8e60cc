#pragma once

#include <ctime>
#include <string>

#include "http/response.h"

namespace kiln::http {

/// A response as it goes onto the wire.
struct Answer {
  int status;
  std::string head;  ///< status line and headers, with the empty line after them
  Body body;
  std::uint64_t offset = 0;  ///< for a single range: of its first byte in the whole
  std::uint64_t whole = 0;   ///< size of the handler's body
  bool keep_alive = false;
  bool chunked = false;  ///< of a Channel: in chunks, so that its end is seen without closing the connection
  std::shared_ptr<Channel> channel;
};

/// Turns what the handler gave into what this request gets: evaluates preconditions (RFC 9110, 13.2.2) and ranges
/// (14.2), leaves the body of a HEAD away, frames it. Throws Error if a header cannot be sent.
Answer make_answer(const Request& request, Response response, std::time_t now);

}  // namespace kiln::http
