#pragma once

#include <cstddef>
#include <string>

#include "base/clock.h"
#include "net/http_message.h"

namespace guest {

struct HttpLimits {
  Microseconds deadline{};                      ///< for the whole exchange, since boot
  std::size_t max_body = std::size_t{1} << 20;  ///< of the response
  bool privileged_port = false;                 ///< from a port below 1024, which Scaleway wants for user data
};

/// One exchange over a connection of its own: every address of the host is tried, until the deadline. Returns an empty
/// string if there was a response, whatever its status; or what went wrong.
std::string http_exchange(const HttpRequest& request, const HttpLimits& limits, HttpResponse& response);

}  // namespace guest
