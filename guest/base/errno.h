#pragma once

#include <cerrno>
#include <cstring>

namespace guest {

/// The outcome of an operation: success, or the errno(3) value that says why it failed.
/// The guest is built without exceptions, so this is what every fallible function returns.
class [[nodiscard]] Errno {
 public:
  constexpr Errno() = default;
  constexpr explicit Errno(int value) : value_(value) {}

  /// The calling thread's errno; call it directly after the failed call.
  static Errno last() { return Errno{errno}; }

  /// For calls that return a negative number on failure and set errno.
  static Errno of(long result) { return result < 0 ? last() : Errno{}; }

  constexpr bool failed() const { return value_ != 0; }
  constexpr int value() const { return value_; }
  const char* text() const { return std::strerror(value_); }

  /// For failures the caller has decided to live with; the reason stands beside the call.
  void ignore() const {}

  friend constexpr bool operator==(Errno, Errno) = default;

 private:
  int value_ = 0;
};

}  // namespace guest
