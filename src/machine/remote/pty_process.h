#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

#include "base/unique_fd.h"

namespace kiln::machine {

/// A program on a terminal of its own, whose other end is fd(): what a person at that terminal would see and type. It
/// ends with this object, and when this process does.
class PtyProcess {
 public:
  /// `environment` is added to this process's own. Throws SysError if it does not start.
  PtyProcess(const std::vector<std::string>& arguments, const std::map<std::string, std::string>& environment);
  ~PtyProcess();
  PtyProcess(const PtyProcess&) = delete;
  PtyProcess& operator=(const PtyProcess&) = delete;

  int fd() const { return fd_.get(); }
  void resize_like(int terminal);  ///< if that is one
  int wait();                      ///< its exit status, or 128 + signal
  void hang_up();                  ///< as when the window is closed

 private:
  UniqueFd fd_;
  pid_t pid_ = -1;
};

}  // namespace kiln::machine
