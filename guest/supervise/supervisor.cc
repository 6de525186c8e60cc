#include "supervise/supervisor.h"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/reboot.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "base/file.h"
#include "base/text.h"
#include "boot/memory.h"

namespace guest {
namespace {

constexpr int kSignals[] = {SIGCHLD, SIGTERM, SIGINT, SIGUSR1, SIGUSR2, SIGPWR};

/// An onshutdown container that does not end must not keep the machine on for ever.
constexpr Microseconds kOnshutdownLimit = std::chrono::seconds{90};

/// The power button's driver is among the modules that wait for the services to run: an onboot container that hangs
/// must not keep the button from working.
constexpr Microseconds kLateModulesLimit = std::chrono::seconds{10};

/// So many corpses at a time, that those of a fork bomb cannot keep PID 1 from everything else.
constexpr int kReapBatch = 256;

}  // namespace

Supervisor::Supervisor(Console& console, const Cmdline& cmdline, UeventSocket& uevents, std::vector<Stage> stages,
                       Microseconds begin)
    : console_(console),
      stages_(std::move(stages)),
      begin_(begin),
      uevents_(uevents),
      modules_(console, uevents),
      home_(console, cmdline),
      power_(loop_, [this] { begin_ending(Ending::poweroff, "the power button"); }),
      control_(loop_, [this](int connection, const ControlRequest& request) { on_request(connection, request); }) {
  runtime_.set_debug(cmdline.has("linuxkit.runc_debug=1"));
}

void Supervisor::open() {
  auto check = [this](const char* what, Errno error) {
    if (error.failed()) console_.line(format("kiln: %s: %s", what, error.text()));
  };
  check("opening the event loop", loop_.open());
  open_signals();
  for (const char* directory : {"/run/kiln/pids", "/run/log/onboot", "/run/log/shutdown"}) {
    check(directory, make_directories(directory));
  }
  ::chmod("/run/kiln", 0700);
  if (::symlink("/run/log/onboot", "/var/log/onboot") != 0 && errno != EEXIST) check("/var/log/onboot", Errno::last());
  check("opening the control socket", control_.open());
  if (uevents_.fd() >= 0)
    check("listening for devices", loop_.watch(uevents_.fd(), EPOLLIN, [this](auto) { on_uevents(); }));
  if (!runtime_.find()) console_.line("kiln: no container runtime: neither /usr/bin/crun nor /usr/bin/runc");
}

void Supervisor::open_signals() {
  sigset_t set;
  ::sigemptyset(&set);
  for (int signal : kSignals) ::sigaddset(&set, signal);
  ::sigprocmask(SIG_BLOCK, &set, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGHUP, SIG_IGN);
  ::reboot(RB_DISABLE_CAD);  // Ctrl-Alt-Del becomes SIGINT
  signals_ = UniqueFd{::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)};
  if (!signals_ || loop_.watch(signals_.get(), EPOLLIN, [this](auto) { on_signals(); }).failed()) {
    console_.line(format("kiln: listening for signals: %s", Errno::last().text()));
  }
}

void Supervisor::on_signals() {
  signalfd_siginfo info;
  while (::read(signals_.get(), &info, sizeof info) == sizeof info) {
    switch (info.ssi_signo) {
      case SIGCHLD:
        reap();
        break;
      // The conventions of busybox init, which scripts and tools in containers know.
      case SIGUSR1:
        begin_ending(Ending::halt, "SIGUSR1");
        break;
      case SIGUSR2:
        begin_ending(Ending::poweroff, "SIGUSR2");
        break;
      case SIGPWR:
        begin_ending(Ending::poweroff, "SIGPWR");
        break;
      case SIGTERM:
        begin_ending(Ending::reboot, "SIGTERM");
        break;
      case SIGINT:
        begin_ending(Ending::reboot, "Ctrl-Alt-Del");
        break;
      default:
        break;
    }
  }
}

template <typename Visit>
void Supervisor::each_unit(Visit visit) const {
  for (const Units* units : {&onboot_, &services_, &onshutdown_}) {
    for (const std::unique_ptr<Unit>& unit : *units) visit(*unit);
  }
}

void Supervisor::reap() {
  int status = 0;
  pid_t pid = 0;
  reap_again_ = true;
  for (int reaped = 0; reaped < kReapBatch; ++reaped) {
    pid = ::waitpid(-1, &status, WNOHANG);
    if (pid <= 0) {
      reap_again_ = false;
      return;
    }
    bool claimed = modules_.on_child(pid);
    if (claimed) power_.scan();
    claimed = claimed || home_.on_child(pid);
    bool launching = false;
    each_unit([&](Unit& unit) {
      claimed = claimed || unit.on_child(pid, status);
      launching = launching || unit.launching();
    });
    if (claimed) continue;
    if (launching) orphans_.add(pid, status);
  }
}

void Supervisor::on_uevents() {
  bool overrun = false;
  std::vector<std::string> aliases = uevents_.read_aliases(overrun);
  if (overrun) return modules_.scan();
  if (!aliases.empty()) modules_.load(std::move(aliases));
}

Supervisor::Units Supervisor::load(Section section, const std::string& directory) {
  Units units;
  for (const std::string& name : list_directory(directory)) {
    if (is_directory(directory + "/" + name)) units.push_back(std::make_unique<Unit>(context_, section, name));
  }
  return units;
}

bool Supervisor::run_next(Units& units, std::size_t& next) {
  if (next > 0 && !units[next - 1]->done()) return true;
  // Starting may fail at once; the next one then gets its turn.
  while (next < units.size()) {
    Unit& unit = *units[next++];
    unit.start();
    if (!unit.done()) return true;
  }
  return false;
}

void Supervisor::advance() {
  switch (phase_) {
    case Phase::onboot:
      if (run_next(onboot_, next_)) break;
      start_services();
      [[fallthrough]];  // there may be none, or none that starts: nothing more would happen to wake us
    case Phase::services:
      if (std::none_of(services_.begin(), services_.end(), [](const auto& unit) { return unit->launching(); }))
        report_up();
      break;
    case Phase::up:
      break;
    case Phase::stopping:
      if (all_stopped()) begin_onshutdown();
      break;
    case Phase::onshutdown:
      if (!run_next(onshutdown_, next_) && !home_.busy()) phase_ = Phase::ending;
      break;
    case Phase::ending:
      break;
  }
}

void Supervisor::start_services() {
  Microseconds now = since_boot();
  if (!onboot_.empty()) stages_.push_back({"onboot", phase_begin_, now});
  phase_ = Phase::services;
  phase_begin_ = now;
  services_ = load(Section::service, "/containers/services");
  for (const auto& unit : services_) unit->start();
  runtime_.end_of_many();
}

void Supervisor::load_late_modules() {
  if (!std::exchange(late_modules_deadline_, std::nullopt)) return;
  modules_.scan();
}

void Supervisor::report_up() {
  Microseconds now = since_boot();
  phase_ = Phase::up;
  stages_.push_back({"services", phase_begin_, now});
  auto failed = std::count_if(onboot_.begin(), onboot_.end(), [](const auto& unit) { return !unit->succeeded(); });
  auto missing =
      std::count_if(services_.begin(), services_.end(), [](const auto& unit) { return !unit->problem().empty(); });
  std::string not_started = missing > 0 ? format(" (%ld failed)", static_cast<long>(missing)) : "";
  std::uint64_t used = used_memory_kib();
  console_.line(format("kiln: up in %.2fs: %zu onboot (%ld failed), %zu services%s, used %llu MiB",
                       seconds(now - begin_), onboot_.size(), static_cast<long>(failed), services_.size(),
                       not_started.c_str(), static_cast<unsigned long long>(used >> 10)));
  std::vector<const Unit*> units;
  each_unit([&](const Unit& unit) { units.push_back(&unit); });
  if (Errno error = replace_file("/run/kiln/boot.json", boot_json(stages_, units, runtime_.copies(), used));
      error.failed()) {
    console_.line(format("kiln: writing '/run/kiln/boot.json': %s", error.text()));
  }
  load_late_modules();
  std::string summary = format("up in %.2fs: %zu onboot (%ld failed), %zu services%s", seconds(now - begin_),
                               onboot_.size(), static_cast<long>(failed), services_.size(), not_started.c_str());
  call_home("up", "running", failed + missing > 0, std::move(summary), CallHome::kPatience);
}

void Supervisor::call_home(const char* stage, const char* state, bool failed, std::string message,
                           Milliseconds patience) {
  if (!home_.wanted()) return;
  HomeReport report{stage, state, failed, std::move(message), units_json(), since_boot()};
  home_.send(report, patience);
}

void Supervisor::begin_ending(Ending ending, const std::string& who) {
  if (phase_ >= Phase::stopping) return;
  phase_ = Phase::stopping;
  ending_ = ending;
  console_.line(format("kiln: %s asked for by %s: stopping services", ending_name(ending), who.c_str()));
  // Before the network may go with the services.
  call_home("stopping", "stopping", false, format("%s asked for by %s", ending_name(ending), who.c_str()),
            CallHome::kLastPatience);
  farewell_deadline_ = since_boot() + CallHome::kLastPatience;
  each_unit([](Unit& unit) {
    unit.retire();
    if (!unit.done()) unit.stop();
  });
}

bool Supervisor::all_stopped() const {
  bool stopped = true;
  each_unit([&](const Unit& unit) { stopped = stopped && (unit.done() || !unit.state().alive()); });
  return stopped;
}

void Supervisor::begin_onshutdown() {
  phase_ = Phase::onshutdown;
  next_ = 0;
  onshutdown_deadline_ = since_boot() + kOnshutdownLimit;
  onshutdown_ = load(Section::onshutdown, "/containers/onshutdown");
}

std::optional<Microseconds> Supervisor::next_deadline() const {
  if (reap_again_) return since_boot();
  std::optional<Microseconds> next = late_modules_deadline_;
  auto consider = [&](std::optional<Microseconds> deadline) {
    if (deadline && (!next || *deadline < *next)) next = deadline;
  };
  if (phase_ == Phase::onshutdown) consider(onshutdown_deadline_);
  if (home_.busy()) consider(farewell_deadline_);
  each_unit([&](const Unit& unit) { consider(unit.deadline()); });
  return next;
}

void Supervisor::tick() {
  if (reap_again_) reap();
  Microseconds now = since_boot();
  each_unit([&](Unit& unit) { unit.tick(now); });
  if (late_modules_deadline_ && now >= *late_modules_deadline_) load_late_modules();
  if (farewell_deadline_ && now >= *farewell_deadline_) home_.abandon();
  if (phase_ == Phase::onshutdown && onshutdown_deadline_ && now >= *onshutdown_deadline_) {
    console_.line("kiln: the onshutdown containers took more than 90s: going on");
    phase_ = Phase::ending;
  }
}

Unit* Supervisor::find_service(const std::string& name) {
  for (const auto& unit : services_) {
    if (unit->name() == name) return unit.get();
  }
  return nullptr;
}

std::string Supervisor::units_json() const {
  std::string text = "[";
  const char* separator = "\n  ";
  each_unit([&](const Unit& unit) {
    text += separator + unit_json(unit);
    separator = ",\n  ";
  });
  return text + "\n]";
}

void Supervisor::on_request(int connection, const ControlRequest& request) {
  using Verb = ControlRequest::Verb;
  switch (request.verb) {
    case Verb::ls:
      return control_.answer(connection, "ok\n{\"containers\": " + units_json() + "}\n");
    case Verb::poweroff:
      control_.answer(connection, "ok\n");
      return begin_ending(Ending::poweroff, "request");
    case Verb::reboot:
      control_.answer(connection, "ok\n");
      return begin_ending(Ending::reboot, "request");
    case Verb::halt:
      control_.answer(connection, "ok\n");
      return begin_ending(Ending::halt, "request");
    default:
      break;
  }
  Unit* unit = find_service(request.name);
  if (unit == nullptr)
    return control_.answer(connection, format("error no service '%s'\n", printable(request.name).c_str()));
  if (phase_ >= Phase::stopping) return control_.answer(connection, "error the system is going down\n");
  if (request.verb == Verb::start) unit->start();
  if (request.verb == Verb::stop) unit->stop();
  if (request.verb == Verb::restart) unit->restart();
  waiting_.push_back({connection, unit, request.verb});
}

void Supervisor::answer_waiting() {
  std::erase_if(waiting_, [this](const Waiting& waiting) {
    if (!waiting.unit->settled()) return false;
    bool stop = waiting.verb == ControlRequest::Verb::stop;
    std::string problem = stop ? "" : waiting.unit->problem();
    control_.answer(waiting.connection, problem.empty() ? "ok\n" : "error " + problem + "\n");
    return true;
  });
}

void Supervisor::flush_console() {
  console_.flush();
  if (console_.pending() == console_watched_) return;
  // Only a stalled console is waited for; a watch on a writable one would never let the loop sleep.
  if (console_watched_) {
    loop_.forget(console_.fd());
    console_watched_ = false;
  } else {
    console_watched_ = !loop_.watch(console_.fd(), EPOLLOUT, [](auto) {}).failed();
  }
}

void Supervisor::run() {
  open();
  phase_begin_ = since_boot();
  late_modules_deadline_ = phase_begin_ + kLateModulesLimit;
  onboot_ = load(Section::onboot, "/containers/onboot");
  runtime_.prepare_for_many();
  while (true) {
    advance();
    answer_waiting();
    if (phase_ == Phase::ending) end_system(ending_, console_);
    flush_console();
    loop_.run_once(next_deadline());
    tick();
  }
}

}  // namespace guest
