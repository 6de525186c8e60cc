#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace kiln::tftp {

/// Who asks: "192.0.2.7" or "2001:db8::7" (IPv4 seen through an IPv6 socket is IPv4), and the port.
struct Peer {
  std::string host;
  std::uint16_t port = 0;
  std::string to_string() const;  ///< "HOST:PORT", IPv6 in brackets
  bool operator==(const Peer&) const = default;
};

/// A transfer as it stands.
struct TransferStatus {
  const Peer& peer;
  const std::string& file;     ///< the name asked for, cleaned
  std::uint64_t size;          ///< in all
  std::uint64_t acknowledged;  ///< bytes the client has for certain
  std::uint32_t block_size;
  std::uint32_t window_size;  ///< blocks sent before an acknowledgement is waited for
  std::uint64_t blocks_resent;
  std::chrono::nanoseconds duration;
};

/// How a transfer ended.
enum class Ending {
  complete,
  size_only,  ///< the client asked for the size (tsize) and broke off, as PXE firmware does before it starts in earnest
  unconfirmed,  ///< everything was sent, but the last acknowledgement never came: the client has most likely got it
  aborted,      ///< by the client, which said why
  silent,       ///< the client stopped answering
  failed        ///< on our side: the file could not be read, …
};

/// Sees what a TFTP server does. Called on its thread; must not throw nor take long.
struct Observer {
  virtual ~Observer() = default;
  virtual void on_start(const TransferStatus& /*transfer*/) {}
  /// About once a second for each transfer that takes longer than that.
  virtual void on_progress(const TransferStatus& /*transfer*/) {}
  /// `reason` in words for all but `complete` and `size_only`: "client: error 3: disk full", "no answer for 30 s".
  virtual void on_end(const TransferStatus& /*transfer*/, Ending /*ending*/, std::string_view /*reason*/) {}
  /// A request that no transfer was started for: "no such file", "only reading is allowed", "too many transfers".
  virtual void on_refused(const Peer& /*peer*/, std::string_view /*file*/, std::string_view /*reason*/) {}
  /// Something else worth a line in the log: a datagram that is no TFTP request, no descriptors left.
  virtual void on_trouble(std::string_view /*message*/) {}
};

}  // namespace kiln::tftp
