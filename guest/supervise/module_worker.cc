#include "supervise/module_worker.h"

#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <utility>

#include "base/clock.h"
#include "base/text.h"

namespace guest {
namespace {

constexpr int kMaxStatus = 255;

/// Runs `work` on a loader in a forked child, whose exit status is the number of modules loaded.
pid_t fork_loader(Log& log, const std::function<void(ModuleLoader&)>& work) {
  pid_t pid = ::fork();
  if (pid != 0) {
    if (pid < 0) log.line(format("kiln: forking to load modules: %s", Errno::last().text()));
    return pid;
  }
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ModuleLoader loader{modules_directory(), log};
  if (loader.usable()) work(loader);
  ::_exit(std::min(loader.loaded(), kMaxStatus));
}

}  // namespace

void ModuleWorker::scan() {
  scan_wanted_ = true;
  begin();
}

void ModuleWorker::load(std::vector<std::string> aliases) {
  // More than this means a storm; a scan finds the same devices.
  constexpr std::size_t kMaxWaiting = 4096;
  if (aliases_.size() + aliases.size() > kMaxWaiting) {
    aliases_.clear();
    return scan();
  }
  aliases_.insert(aliases_.end(), std::make_move_iterator(aliases.begin()), std::make_move_iterator(aliases.end()));
  begin();
}

void ModuleWorker::begin() {
  if (child_ > 0 || (!scan_wanted_ && aliases_.empty())) return;
  bool scan = std::exchange(scan_wanted_, false);
  std::vector<std::string> aliases = std::exchange(aliases_, {});
  child_ = fork_loader(log_, [&](ModuleLoader& loader) {
    load_for_aliases(loader, aliases);
    if (scan) coldplug(loader, ColdplugScope::all, uevents_);
  });
}

bool ModuleWorker::on_child(pid_t pid) {
  if (child_ <= 0 || pid != child_) return false;
  child_ = 0;
  begin();
  return true;
}

int load_boot_modules(Log& log, UeventSocket& uevents, Milliseconds limit) {
  pid_t pid = fork_loader(log, [&](ModuleLoader& loader) {
    load_listed_modules(loader, log);
    loader.load("overlay").ignore();  // ENOENT: built in; any other failure has been logged
    coldplug(loader, ColdplugScope::essential, uevents);
  });
  if (pid < 0) return 0;
  UniqueFd child{static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))};
  pollfd ended{child.get(), POLLIN, 0};
  if (child && ::poll(&ended, 1, static_cast<int>(limit.count())) == 0) return -1;
  int status = 0;
  if (::waitpid(pid, &status, 0) != pid) return 0;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 0;
}

}  // namespace guest
