#include "supervise/unit.h"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <utility>

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "container/prepare.h"
#include "supervise/deaf.h"

namespace guest {
namespace {

const char* directory_of(Section section) {
  switch (section) {
    case Section::onboot:
      return "/containers/onboot/";
    case Section::service:
      return "/containers/services/";
    case Section::onshutdown:
      return "/containers/onshutdown/";
  }
  return "";
}

/// The runtime's id: services go by their own names; an onboot and an onshutdown container may share theirs.
std::string id_of(Section section, const std::string& name) {
  switch (section) {
    case Section::onboot:
      return "onboot." + name;
    case Section::service:
      return name;
    case Section::onshutdown:
      return "shutdown." + name;
  }
  return name;
}

std::string log_of(Section section, const std::string& id) {
  switch (section) {
    case Section::onboot:
      return "/run/log/onboot/" + id;
    case Section::service:
      return "/var/log/" + id;
    case Section::onshutdown:
      return "/run/log/shutdown/" + id;
  }
  return id;
}

std::string took(Microseconds from, Microseconds to) { return format(" (%.2fs)", seconds(to - from)); }

std::string read_json(const std::string& path, json::Value& value, bool required) {
  std::string text;
  Errno error = read_file(path, text);
  if (error.value() == ENOENT && !required) return {};
  if (error.failed()) return format("reading '%s': %s", path.c_str(), error.text());
  std::string problem = json::parse(text, value);
  return problem.empty() ? problem : format("'%s': %s", path.c_str(), problem.c_str());
}

}  // namespace

const char* section_name(Section section) {
  switch (section) {
    case Section::onboot:
      return "onboot";
    case Section::service:
      return "service";
    case Section::onshutdown:
      return "onshutdown";
  }
  return "";
}

Unit::Unit(UnitContext context, Section section, std::string name)
    : context_(context),
      section_(section),
      name_(std::move(name)),
      id_(id_of(section, name_)),
      bundle_(directory_of(section) + name_),
      pid_file_("/run/kiln/pids/" + id_),
      out_(log_of(section, id_) + ".out.log", section == Section::service ? nullptr : &context.console),
      error_(log_of(section, id_) + ".log", section == Section::service ? nullptr : &context.console) {
  load();
}

Unit::~Unit() {
  unwatch(out_);
  unwatch(error_);
}

void Unit::say(const std::string& text) {
  context_.console.line(format("%s %s: %s", section_name(section_), printable(name_).c_str(), text.c_str()));
}

void Unit::load() {
  json::Value runtime;
  load_problem_ = read_json(bundle_ + "/runtime.json", runtime, false);
  if (!load_problem_.empty()) return;
  runtime_spec_ = read_runtime_spec(runtime);
  json::Value config;
  load_problem_ = read_json(bundle_ + "/config.json", config, true);
  if (!load_problem_.empty()) return;
  std::string problem = read_service_spec(config, service_spec_);
  if (!problem.empty()) say(problem);
  if (section_ == Section::service) state_ = ServiceState{service_spec_.restart};
}

void Unit::start() { perform(state_.start(since_boot())); }
void Unit::stop() { perform(state_.stop(since_boot())); }
void Unit::restart() { perform(state_.restart(since_boot())); }

void Unit::kill() {
  if (pid_ > 0) ::kill(pid_, SIGKILL);
  if (helper_ > 0) ::kill(helper_, SIGKILL);
}

void Unit::tick(Microseconds now) {
  if (deadline() && now >= *deadline()) perform(state_.tick(now));
}

bool Unit::done() const {
  using State = ServiceState::State;
  return helper_ == 0 &&
         (state_.state() == State::exited || state_.state() == State::failed || state_.state() == State::stopped);
}

void Unit::perform(ServiceState::Action action) {
  switch (action) {
    case ServiceState::Action::none:
      return;
    case ServiceState::Action::launch:
      return begin_launch();
    case ServiceState::Action::signal_stop:
      return send(is_deaf_to(pid_, service_spec_.stop_signal) ? SIGKILL : service_spec_.stop_signal);
    case ServiceState::Action::signal_kill:
      say("still running 10s after the stop signal: killing it");
      return send(SIGKILL);
    case ServiceState::Action::clean_up:
      return run_helper(Step::remove, context_.runtime.remove(id_));
  }
}

void Unit::send(int signal) {
  if (pid_ > 0 && ::kill(pid_, signal) != 0)
    say(format("sending %s: %s", signal_name(signal).c_str(), Errno::last().text()));
}

void Unit::watch(Output& output) {
  if (output.fd() < 0) return;
  Errno error = context_.loop.watch(output.fd(), EPOLLIN, [this, &output](std::uint32_t) {
    int fd = output.fd();
    if (!output.copy()) context_.loop.forget(fd);
  });
  if (error.failed()) say(format("watching its output: %s", error.text()));
}

void Unit::unwatch(Output& output) {
  if (output.fd() < 0) return;
  context_.loop.forget(output.fd());
  output.drain();
  output.close();
}

void Unit::open_outputs(UniqueFd& out, UniqueFd& error) {
  unwatch(out_);
  unwatch(error_);
  for (auto [output, end] : {std::pair{&out_, &out}, std::pair{&error_, &error}}) {
    if (Errno failed = output->open(*end); failed.failed()) {
      say(format("opening '%s': %s", printable(output->path()).c_str(), failed.text()));
    }
    watch(*output);
  }
}

void Unit::begin_launch() {
  begun_ = since_boot();
  problem_.clear();
  pid_ = 0;
  early_exit_.reset();
  if (!load_problem_.empty()) return fail_launch(load_problem_);
  if (context_.runtime.path().empty())
    return fail_launch("the image has no container runtime (/usr/bin/crun or /usr/bin/runc)");
  if (std::string problem = prepare_filesystem(bundle_, runtime_spec_); !problem.empty()) return fail_launch(problem);
  ::unlink(pid_file_.c_str());
  if (runtime_spec_.needs_process()) return run_helper(Step::create, context_.runtime.create(id_, bundle_, pid_file_));
  run_helper(Step::run, context_.runtime.run(id_, bundle_, pid_file_));
}

void Unit::fail_launch(const std::string& why) {
  ended_ = since_boot();
  problem_ = why;
  say("failed to start: " + why);
  perform(state_.launch_failed(ended_));
}

void Unit::run_helper(Step step, const Command& wanted) {
  Command command = wanted;
  step_ = step;
  UniqueFd out;
  UniqueFd error;
  if (step == Step::run || step == Step::create) {
    open_outputs(out, error);
    command.output = out.get();
    command.error = error.get();
  }
  Errno failed = context_.runtime.spawn(command, helper_);
  if (!failed.failed()) return;
  helper_ = 0;
  step_ = Step::none;
  if (step == Step::remove) return perform(state_.cleaned(since_boot()));
  fail_launch(format("running '%s': %s", context_.runtime.path().c_str(), failed.text()));
}

bool Unit::on_child(pid_t pid, int status) {
  if (helper_ != 0 && pid == helper_) {
    helper_ = 0;
    on_helper(status);
    return true;
  }
  if (pid_ == 0 || pid != pid_) return false;
  if (launching()) {
    early_exit_ = status;
  } else {
    on_exit(status);
  }
  return true;
}

void Unit::on_helper(int status) {
  Step step = std::exchange(step_, Step::none);
  if (step == Step::remove) {
    unwatch(out_);
    unwatch(error_);
    release_filesystem(bundle_, runtime_spec_);
    return perform(state_.cleaned(since_boot()));
  }
  if (status != 0) {
    unwatch(out_);
    unwatch(error_);
    std::string why = error_.tail();
    return fail_launch(format("%s %s%s%s", context_.runtime.path().c_str(), describe_exit(status).c_str(),
                              why.empty() ? "" : ": ", why.c_str()));
  }
  if (step == Step::start) return on_started();
  if (!read_pid()) return fail_launch(format("reading the process id from '%s'", pid_file_.c_str()));
  if (step == Step::create) return on_created();
  on_started();
}

bool Unit::read_pid() {
  auto number = parse_decimal(read_value(pid_file_));
  if (!number || *number < 2 || *number > 1U << 22) return false;
  pid_ = static_cast<pid_t>(*number);
  return true;
}

void Unit::on_created() {
  std::string problem = prepare_process(pid_, runtime_spec_);
  if (!problem.empty()) {
    ::kill(std::exchange(pid_, 0), SIGKILL);  // its end is no news then
    return fail_launch(problem);
  }
  run_helper(Step::start, context_.runtime.start(id_));
}

void Unit::on_started() {
  std::optional<int> exit = early_exit_ ? early_exit_ : context_.orphans.take(pid_);
  if (section_ == Section::service) say(format("started pid %d", pid_));
  perform(state_.launched(since_boot()));
  if (exit) on_exit(*exit);
}

void Unit::on_exit(int status) {
  ended_ = since_boot();
  pid_ = 0;
  out_.drain();
  error_.drain();
  // A one-shot container's writable layer is memory nobody needs any more. Detached: what it may have left running
  // keeps its files.
  if (section_ != Section::service) release_filesystem(bundle_, runtime_spec_);
  if (section_ == Section::service) {
    say(describe_exit(status));
  } else if (status == 0) {
    say("ok" + took(begun_, ended_));
  } else if (WIFSIGNALED(status)) {
    say(describe_exit(status) + took(begun_, ended_));
  } else {
    say(format("exit %d", WEXITSTATUS(status)) + took(begun_, ended_));
  }
  perform(state_.exited(status, ended_));
}

}  // namespace guest
