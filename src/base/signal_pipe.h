#pragma once

#include <initializer_list>
#include <vector>

#include <signal.h>

#include "base/unique_fd.h"

namespace kiln {

/// Signals as readable bytes of a descriptor, for poll(). The signals are caught, not blocked, so programs started
/// meanwhile get their default behaviour back. Of several pipes for a signal the one made last gets it; make and
/// destroy them in nested order, on one thread.
class SignalPipe {
 public:
  explicit SignalPipe(std::initializer_list<int> signals);  ///< throws SysError
  ~SignalPipe();                                            ///< restores what was before
  SignalPipe(const SignalPipe&) = delete;
  SignalPipe& operator=(const SignalPipe&) = delete;

  int fd() const { return read_.get(); }
  int take();  ///< the next signal that came, or 0 when none is waiting

 private:
  struct Saved {
    int signal;
    int previous_target;
    struct sigaction previous;
  };
  UniqueFd read_;
  UniqueFd write_;
  std::vector<Saved> saved_;
};

}  // namespace kiln
