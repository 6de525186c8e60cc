#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "base/clock.h"
#include "base/log.h"
#include "boot/cmdline.h"
#include "net/url.h"

namespace guest {

/// What a machine says of itself when it calls home; see README.md, "Calling home". The child that sends it adds the
/// MAC address, since only then is it known which interface leads there.
struct HomeReport {
  const char* stage = "";  ///< "up", "stopping"
  const char* state = "";  ///< "running", "stopping"
  bool failed = false;
  std::string message;     ///< one line for people
  std::string containers;  ///< a JSON array
  Microseconds uptime{};
};

/// The report as JSON. `mac` and the other values may be empty; such members are left out.
struct MachineIdentity {
  std::string mac;
  std::string uuid;
  std::string serial;
  std::string hostname;
  std::string arch;
  std::string kernel;
};
std::string home_report_json(const HomeReport& report, const MachineIdentity& machine);

/// Tells the URL of the kernel parameter `kiln.report=` how the machine does. A forked child does it, trying again
/// until the network is there, so that neither the boot nor PID 1 waits; it says once if it could not.
class CallHome {
 public:
  CallHome(Log& log, const Cmdline& cmdline);

  bool wanted() const { return wanted_; }
  /// An earlier report still under way is given up: the new one says more. `patience`: how long to go on trying.
  void send(const HomeReport& report, Milliseconds patience);
  /// True if `pid` was the child.
  bool on_child(pid_t pid);
  bool busy() const { return child_ > 0; }
  /// Gives up what is under way.
  void abandon();

  static constexpr Milliseconds kPatience{60'000};
  static constexpr Milliseconds kLastPatience{2'000};

 private:
  Log& log_;
  bool wanted_ = false;
  Url url_;
  std::string boot_mac_;
  pid_t child_ = 0;
};

}  // namespace guest
