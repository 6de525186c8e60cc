#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "boot/console.h"
#include "container/runtime.h"
#include "container/spec.h"
#include "supervise/event_loop.h"
#include "supervise/orphans.h"
#include "supervise/output.h"
#include "supervise/service_state.h"

namespace guest {

enum class Section { onboot, service, onshutdown };

const char* section_name(Section section);

/// What every unit works with; all outlive the units.
struct UnitContext {
  EventLoop& loop;
  Console& console;
  Runtime& runtime;
  Orphans& orphans;
};

/// One container under supervision: drives the container runtime as ServiceState says, and reports on the console.
class Unit {
 public:
  Unit(UnitContext context, Section section, std::string name);
  ~Unit();
  Unit(const Unit&) = delete;
  Unit& operator=(const Unit&) = delete;

  void start();
  void stop();
  void restart();
  void retire() { state_.retire(); }
  /// Kills the container's process at once.
  void kill();

  /// True if `pid` was this unit's: its container or a runtime command it had started.
  bool on_child(pid_t pid, int status);
  void tick(Microseconds now);
  std::optional<Microseconds> deadline() const { return state_.deadline(); }

  /// For one-shot containers: it ran (or could not), nothing is under way.
  bool done() const;
  bool settled() const { return state_.settled() && helper_ == 0; }
  bool launching() const { return state_.state() == ServiceState::State::starting; }
  bool succeeded() const { return problem_.empty() && state_.last_status().value_or(0) == 0; }

  const std::string& name() const { return name_; }
  Section section() const { return section_; }
  const ServiceState& state() const { return state_; }
  pid_t pid() const { return pid_; }
  /// Why the last start failed; empty if it did not.
  const std::string& problem() const { return problem_; }
  Microseconds begun() const { return begun_; }
  Microseconds ended() const { return ended_; }

 private:
  enum class Step { none, run, create, start, remove };

  void load();
  void perform(ServiceState::Action action);
  void begin_launch();
  void fail_launch(const std::string& why);
  void run_helper(Step step, const Command& command);
  void on_helper(int status);
  void on_created();
  void on_started();
  void on_exit(int status);
  bool read_pid();
  void open_outputs(UniqueFd& out, UniqueFd& error);
  void watch(Output& output);
  void unwatch(Output& output);
  void send(int signal);
  void say(const std::string& text);

  UnitContext context_;
  Section section_;
  std::string name_;
  std::string id_;
  std::string bundle_;
  std::string pid_file_;
  std::string load_problem_;
  std::string problem_;
  RuntimeSpec runtime_spec_;
  ServiceSpec service_spec_;
  ServiceState state_;
  Output out_;
  Output error_;
  Step step_ = Step::none;
  pid_t helper_ = 0;
  pid_t pid_ = 0;
  std::optional<int> early_exit_;
  Microseconds begun_{};
  Microseconds ended_{};
};

}  // namespace guest
