#pragma once

#include <string>
#include <string_view>

namespace kiln::machine {

/// Finds, in what is typed to a console, the keys that are not for the machine: `~.` at the beginning of a line leaves,
/// `~~` there is one ~. The same keys as those of ssh and ipmitool, which are started without their own.
class EscapeKeys {
 public:
  /// What of `typed` is for the machine, up to the keys that leave.
  std::string filter(std::string_view typed);
  bool left() const { return state_ == State::left; }

 private:
  enum class State { line_start, tilde, inside, left };
  void key(char c, std::string& out);

  State state_ = State::line_start;
};

}  // namespace kiln::machine
