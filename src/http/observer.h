#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

#include "http/request.h"

namespace kiln::http {

/// A response on its way, or at its end. The sizes are those of the body. Bytes count as sent when the client's system
/// has acknowledged them, for small bodies when ours has taken them; a short rest that stays unacknowledged for
/// seconds, as iPXE's does when it starts a kernel, counts too.
struct Transfer {
  const Request& request;  ///< of one that could not be parsed: peer, and method and target if it came so far
  int status;
  std::uint64_t sent;
  std::uint64_t size;                 ///< 0 for one that goes through a Channel
  std::uint64_t offset;               ///< of its first byte in the whole, for a single range (206)
  std::uint64_t whole;                ///< size of what was asked for, also if only a range of it is sent
  std::chrono::nanoseconds duration;  ///< since the request was complete
};

/// Sees what a server does. Called on its thread; must not throw nor take long.
struct Observer {
  virtual ~Observer() = default;
  /// A response came to its end. `cut` says why it did not reach the last byte ("client closed the connection"), and is
  /// empty if it did.
  virtual void on_response(const Transfer& /*transfer*/, std::string_view /*cut*/) {}
  /// About once a second for each response that takes longer than that.
  virtual void on_progress(const Transfer& /*transfer*/) {}
  /// Something worth a line in the log: a handler that failed, no descriptors left, a client turned away.
  virtual void on_trouble(std::string_view /*message*/) {}
};

}  // namespace kiln::http
