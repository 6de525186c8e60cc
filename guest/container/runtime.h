#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/errno.h"
#include "base/process.h"
#include "base/unique_fd.h"
#include "container/zygote.h"

namespace guest {

/// The container runtime's command line: crun, or runc where the image has only that.
class Runtime {
 public:
  /// Looks for /usr/bin/crun, /usr/bin/runc, /sbin/runc. False if the image has none of them.
  bool find();
  const std::string& path() const { return path_; }
  void set_debug(bool debug) { debug_ = debug; }

  /// Creates and starts a container, leaving no parent behind; the process's id goes to `pid_file`.
  Command run(const std::string& id, const std::string& bundle, const std::string& pid_file) const;
  Command create(const std::string& id, const std::string& bundle, const std::string& pid_file) const;
  Command start(const std::string& id) const;
  /// Kills what is left of the container and forgets it.
  Command remove(const std::string& id) const;

  /// Runs one of the commands above. While many containers are to be started, `prepare_for_many` makes each `run`
  /// cheaper.
  Errno spawn(const Command& command, pid_t& pid);
  void prepare_for_many();
  void end_of_many() { zygote_.stop(); }
  /// How many it has started as copies of one that is linked, without an exec.
  int copies() const { return copies_; }

 private:
  Command command(std::vector<std::string> arguments) const;

  std::string path_;
  std::string program_;
  bool crun_ = false;
  bool debug_ = false;
  UniqueFd sealed_;
  Zygote zygote_;
  int copies_ = 0;
};

/// The path of the image's container runtime, or an empty string.
std::string find_runtime();

}  // namespace guest
