#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

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

  std::size_t connections = 10'000;  ///< in all; and never more than half the descriptors the process has left
  std::size_t per_peer = 2'000;      ///< of one address; more: 503
};

}  // namespace kiln::http
