#pragma once

#include <exception>
#include <string>
#include <string_view>
#include <utility>

namespace kiln {

/// Text from outside, in single quotes, with control characters and quotes escaped as \xNN: safe on a terminal.
std::string quote(std::string_view text);  // not `quoted`: std::quoted would be found for std::string arguments

namespace detail {
inline void append_part(std::string& out, std::string_view part) { out += part; }
inline void append_part(std::string& out, char part) { out += part; }
template <typename T>
requires(std::is_integral_v<T> && !std::is_same_v<T, char> &&
         !std::is_same_v<T, bool>) void append_part(std::string& out, T part) {
  out += std::to_string(part);
}
}  // namespace detail

/// The parts (text or integers) as one string.
template <typename... Parts>
std::string concat(const Parts&... parts) {
  std::string out;
  (detail::append_part(out, parts), ...);
  return out;
}

/// What went wrong, from the outer step to the cause, without a full stop; and, if there is something the user can
/// do, a hint. One per failed command reaches the user as `error: MESSAGE` and `hint: HINT`.
class Error : public std::exception {
 public:
  template <typename... Parts>
  explicit Error(std::string_view first, const Parts&... parts) : message_{concat(first, parts...)} {}

  const char* what() const noexcept override { return message_.c_str(); }
  const std::string& message() const { return message_; }
  const std::string& hint() const { return hint_; }

  /// The same error with a hint; a hint that is already there (set nearer to the cause) is kept.
  Error with_hint(std::string hint) && {
    if (hint_.empty()) hint_ = std::move(hint);
    return std::move(*this);
  }

  /// The same error seen from an outer step: "OUTER: MESSAGE".
  template <typename... Parts>
  Error within(const Parts&... outer) const {
    Error error{*this};
    error.message_ = concat(outer..., ": ", message_);
    return error;
  }

 private:
  std::string message_;
  std::string hint_;
};

/// A failed system call: the parts, then the text of `error_number`.
class SysError : public Error {
 public:
  template <typename... Parts>
  explicit SysError(int error_number, const Parts&... parts)
      : Error{concat(parts...), ": ", errno_text(error_number)}, error_number_{error_number} {}

  int error_number() const { return error_number_; }

 private:
  static std::string errno_text(int error_number);
  int error_number_;
};

}  // namespace kiln
