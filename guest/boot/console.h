#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/log.h"
#include "base/unique_fd.h"

namespace guest {

/// The system console as PID 1 uses it. Writing never blocks: what a stalled terminal does not take waits in a bounded
/// buffer, and what does not fit there is dropped and counted. PID 1 must go on when nobody reads the serial line.
class Console : public Log {
 public:
  /// Uses standard error until `open` succeeds.
  Console() = default;

  /// Opens /dev/console; call again once /dev is mounted.
  void open();

  void line(std::string_view text) override;

  /// Descriptor to wait on while `pending()`.
  int fd() const { return fd_ ? fd_.get() : 2; }
  bool pending() const { return !waiting_.empty(); }
  /// Writes what the terminal takes now.
  void flush();
  /// Writes everything, giving up after `limit`.
  void drain(Milliseconds limit);

 private:
  UniqueFd fd_;
  std::string waiting_;
  std::size_t dropped_ = 0;
};

}  // namespace guest
