#include "container/runtime.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif

namespace guest {
namespace {

/// A sealed copy of the program in memory. crun protects itself from being overwritten by a container (CVE-2019-5736):
/// at each start it makes such a copy or a read-only mount and executes itself again, unless it finds itself sealed
/// already. So one copy made here, 0.5 MB, saves every start a second exec with all its dynamic linking.
UniqueFd seal_program(const std::string& path) {
  UniqueFd source{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!source) return {};
  UniqueFd copy{::memfd_create("crun", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC)};
  if (!copy) copy = UniqueFd{::memfd_create("crun", MFD_CLOEXEC | MFD_ALLOW_SEALING)};  // before Linux 6.3
  struct stat status;
  if (!copy || ::fstat(source.get(), &status) != 0) return {};
  for (off_t at = 0; at < status.st_size;) {
    ssize_t sent = ::sendfile(copy.get(), source.get(), &at, static_cast<std::size_t>(status.st_size - at));
    if (sent <= 0) return {};
  }
  if (::fcntl(copy.get(), F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) != 0) return {};
  return copy;
}

}  // namespace

std::string find_runtime() {
  for (const char* candidate : {"/usr/bin/crun", "/usr/bin/runc", "/sbin/runc"}) {
    if (exists(candidate)) return candidate;
  }
  return {};
}

bool Runtime::find() {
  path_ = find_runtime();
  if (path_.empty()) return false;
  crun_ = path_.size() >= 4 && path_.substr(path_.size() - 4) == "crun";
  program_ = path_;
  if (crun_) {
    sealed_ = seal_program(path_);
    if (sealed_) program_ = format("/proc/self/fd/%d", sealed_.get());
  }
  return true;
}

Command Runtime::command(std::vector<std::string> arguments) const {
  Command command{program_, {path_}};
  // Without this crun asks systemd's bus for a cgroup first.
  if (crun_) command.args.push_back("--cgroup-manager=cgroupfs");
  if (debug_) command.args.push_back("--debug");
  for (std::string& argument : arguments) command.args.push_back(std::move(argument));
  return command;
}

Command Runtime::run(const std::string& id, const std::string& bundle, const std::string& pid_file) const {
  return command({"run", "--detach", "--pid-file", pid_file, "--bundle", bundle, id});
}

Command Runtime::create(const std::string& id, const std::string& bundle, const std::string& pid_file) const {
  return command({"create", "--pid-file", pid_file, "--bundle", bundle, id});
}

void Runtime::prepare_for_many() {
  // A failure costs no more than time: spawn() does without.
  if (crun_) zygote_.start(run("none", "/nonexistent", "/nonexistent")).ignore();
}

Errno Runtime::spawn(const Command& command, pid_t& pid) {
  if (zygote_.takes(command) && !zygote_.spawn(command, pid).failed()) {
    ++copies_;
    return {};
  }
  return guest::spawn(command, pid);
}

Command Runtime::start(const std::string& id) const { return command({"start", id}); }

Command Runtime::remove(const std::string& id) const { return command({"delete", "--force", id}); }

}  // namespace guest
