#include "machine/remote/escape.h"

namespace kiln::machine {

std::string EscapeKeys::filter(std::string_view typed) {
  std::string out;
  for (const char c : typed) {
    if (left()) break;
    key(c, out);
  }
  return out;
}

void EscapeKeys::key(char c, std::string& out) {
  if (state_ == State::line_start && c == '~') {
    state_ = State::tilde;
    return;
  }
  if (state_ == State::tilde) {
    if (c == '.') {
      state_ = State::left;
      return;
    }
    out += '~';
    if (c == '~') {
      state_ = State::inside;
      return;
    }
  }
  out += c;
  state_ = c == '\r' || c == '\n' ? State::line_start : State::inside;
}

}  // namespace kiln::machine
