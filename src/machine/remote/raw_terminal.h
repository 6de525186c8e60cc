#pragma once

#include <termios.h>

namespace kiln::machine {

/// Standard input in raw mode, if it is a terminal, for as long as this lives.
class RawTerminal {
 public:
  RawTerminal();
  ~RawTerminal();
  RawTerminal(const RawTerminal&) = delete;
  RawTerminal& operator=(const RawTerminal&) = delete;

 private:
  termios saved_{};
  bool is_terminal_ = false;
};

}  // namespace kiln::machine
