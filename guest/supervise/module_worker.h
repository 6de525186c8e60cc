#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "modules/coldplug.h"

namespace guest {

/// Loads modules in a forked child, because a driver may sit in its initialisation for as long as it likes and PID 1
/// must not. One child at a time; what is asked for meanwhile waits.
class ModuleWorker {
 public:
  ModuleWorker(Log& log, UeventSocket& uevents) : log_(log), uevents_(uevents) {}

  /// Loads everything the devices present need. Several requests collapse into one.
  void scan();
  void load(std::vector<std::string> aliases);
  /// True if `pid` was the worker; the next request has then begun.
  bool on_child(pid_t pid);

 private:
  void begin();

  Log& log_;
  UeventSocket& uevents_;
  pid_t child_ = 0;
  bool scan_wanted_ = false;
  std::vector<std::string> aliases_;
};

/// Loads the modules the boot itself needs (those of the devices present, /etc/modules-load.d, overlay) and waits for
/// that, at most `limit`. Returns how many were loaded, or -1 if the time was not enough; the loading then goes on.
/// Devices that appear meanwhile are taken from `uevents`; those that appear later stay there.
int load_boot_modules(Log& log, UeventSocket& uevents, Milliseconds limit);

}  // namespace guest
