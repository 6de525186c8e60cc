#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace kiln::machine {

/// A QEMU, or a program that helps it, which runs beside this process, on its standard input and output. It ends when
/// this process does, however that comes about.
class QemuProcess {
 public:
  /// `kept_fd` stays open in it under the same number. With `own_group` a Ctrl-C on the terminal reaches this process
  /// only; without, it can read from the terminal. Throws SysError.
  QemuProcess(const std::string& program, std::vector<std::string> arguments, int kept_fd, bool own_group);
  ~QemuProcess();  ///< kills it if it is still there
  QemuProcess(const QemuProcess&) = delete;
  QemuProcess& operator=(const QemuProcess&) = delete;

  int wait();  ///< its exit status, or 128 + signal
  void kill();

 private:
  pid_t pid_ = -1;
};

}  // namespace kiln::machine
