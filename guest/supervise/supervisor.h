#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "boot/cmdline.h"
#include "boot/console.h"
#include "container/runtime.h"
#include "modules/uevent.h"
#include "supervise/call_home.h"
#include "supervise/control.h"
#include "supervise/event_loop.h"
#include "supervise/module_worker.h"
#include "supervise/orphans.h"
#include "supervise/power.h"
#include "supervise/report.h"
#include "supervise/shutdown.h"
#include "supervise/unit.h"

namespace guest {

/// PID 1 from the first container to the last: onboot containers in order, services at once, then whatever happens
/// (exits, control requests, late devices, the power button), and the orderly end. One thread, one event loop.
class Supervisor {
 public:
  /// `stages` are those of the boot so far; `begin` is when /init started. `uevents` has been open since before the
  /// coldplug.
  Supervisor(Console& console, const Cmdline& cmdline, UeventSocket& uevents, std::vector<Stage> stages,
             Microseconds begin);

  [[noreturn]] void run();

 private:
  enum class Phase { onboot, services, up, stopping, onshutdown, ending };
  using Units = std::vector<std::unique_ptr<Unit>>;

  void open();
  void open_signals();
  void on_signals();
  void reap();
  void on_uevents();
  void flush_console();

  Units load(Section section, const std::string& directory);
  void advance();
  bool run_next(Units& units, std::size_t& next);
  void start_services();
  /// Those of devices that no container waits for: once, when the services run or after a while.
  void load_late_modules();
  void report_up();
  void call_home(const char* stage, const char* state, bool failed, std::string message, Milliseconds patience);
  void begin_ending(Ending ending, const std::string& who);
  void begin_onshutdown();
  bool all_stopped() const;
  std::optional<Microseconds> next_deadline() const;
  void tick();

  void on_request(int connection, const ControlRequest& request);
  void answer_waiting();
  std::string units_json() const;
  Unit* find_service(const std::string& name);
  template <typename Visit>
  void each_unit(Visit visit) const;

  Console& console_;
  std::vector<Stage> stages_;
  Microseconds begin_;
  Microseconds phase_begin_{};
  EventLoop loop_;
  Runtime runtime_;
  Orphans orphans_;
  UnitContext context_{loop_, console_, runtime_, orphans_};
  UniqueFd signals_;
  UeventSocket& uevents_;
  ModuleWorker modules_;
  CallHome home_;
  PowerButton power_;
  ControlServer control_;
  bool console_watched_ = false;
  bool reap_again_ = false;  ///< more children have ended than one batch took

  Phase phase_ = Phase::onboot;
  Units onboot_;
  Units services_;
  Units onshutdown_;
  std::size_t next_ = 0;  ///< of the one-shot containers of the present phase
  Ending ending_ = Ending::poweroff;
  std::optional<Microseconds> late_modules_deadline_;
  std::optional<Microseconds> onshutdown_deadline_;
  std::optional<Microseconds> farewell_deadline_;  ///< for the last call home

  struct Waiting {
    int connection;
    Unit* unit;
    ControlRequest::Verb verb;
  };
  std::vector<Waiting> waiting_;
};

}  // namespace guest
