#pragma once

#include <sys/types.h>

#include "base/errno.h"
#include "base/process.h"
#include "base/unique_fd.h"

namespace guest {

/// A program that has been started and linked, stands before its main, and forks there: each copy runs with arguments
/// of its own, without an exec and without the dynamic linker's work. For crun that is a third of a container's start.
///
/// A small library, which this program carries, is preloaded for it (zygote_preload.cc). A program that takes no notice
/// of LD_PRELOAD, being static, never answers: `spawn` fails then and the caller starts it as usual.
class Zygote {
 public:
  Zygote() = default;
  ~Zygote() { stop(); }
  Zygote(const Zygote&) = delete;
  Zygote& operator=(const Zygote&) = delete;

  /// Starts `command`, whose arguments only tell how many there will be; if the library is not honoured it runs with
  /// them.
  Errno start(const Command& command);
  /// Runs the program with the arguments and descriptors of `command`, as spawn() does: a child of this process, with a
  /// session of its own. Waits for the zygote for at most 5 s; after a failure it is gone.
  Errno spawn(const Command& command, pid_t& pid);
  /// Lets it end; to be reaped by who reaps the children.
  void stop() { socket_.reset(); }
  /// Whether `spawn` can run it: the zygote runs, and what can differ between its arguments and the template's is only
  /// their text.
  bool takes(const Command& command) const { return socket_ && command.args.size() == argument_count_; }

 private:
  Errno ask(const Command& command);
  Errno read_answer(int& number);

  UniqueFd socket_;
  UniqueFd process_;  ///< a pidfd: others reap the zygote, and its number may be somebody else's by then
  bool ready_ = false;
  std::size_t argument_count_ = 0;
};

}  // namespace guest
