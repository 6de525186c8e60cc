#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "applets/applets.h"
#include "applets/host.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "container/runtime.h"

namespace guest {
namespace {

constexpr char kUsage[] =
    "usage: service ls [--json]\n"
    "       service start|stop|restart NAME\n"
    "       service logs [-f] NAME\n"
    "       service exec NAME COMMAND [ARGUMENT…]";

using Arguments = std::vector<std::string>;

void print(std::string_view text) {
  while (!text.empty()) {
    ssize_t put = ::write(STDOUT_FILENO, text.data(), text.size());
    if (put <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(put));
  }
}

int fail(const std::string& text) {
  StderrLog{}.line("service: " + text);
  return 1;
}

/// Asks PID 1; on success `payload` is what follows the answer's first line.
int ask(const std::string& request, std::string& payload) {
  std::string answer;
  if (Errno error = ask_init(request, answer); error.failed()) {
    return fail(format("asking init over '/run/kiln/control.sock': %s (in a container, bind /run)", error.text()));
  }
  std::string_view rest = answer;
  std::string_view first;
  take_line(rest, first);
  if (first.substr(0, 6) == "error ") return fail(std::string{first.substr(6)});
  if (first != "ok") return fail("init answered '" + printable(first) + "'");
  payload = rest;
  return 0;
}

std::string duration(double seconds) {
  auto whole = static_cast<long>(seconds);
  if (whole < 60) return format("%lds", whole);
  if (whole < 3600) return format("%ldm%02lds", whole / 60, whole % 60);
  return format("%ldh%02ldm", whole / 3600, whole / 60 % 60);
}

std::string exit_text(const json::Value& row) {
  if (row["signal"].is(json::Value::Kind::string)) return row["signal"].text();
  if (row["exitStatus"].is(json::Value::Kind::number)) return row["exitStatus"].text();
  return "-";
}

std::string text_or_dash(const json::Value& value) { return value.text().empty() ? "-" : printable(value.text()); }

void print_table(const json::Value& answer) {
  std::vector<Arguments> rows = {{"SECTION", "NAME", "STATE", "PID", "EXIT", "RESTARTS", "UPTIME"}};
  for (const json::Value& row : answer["containers"].items()) {
    const json::Value& uptime = row["uptime"];
    rows.push_back({row["section"].text(), printable(row["name"].text()), row["state"].text(), text_or_dash(row["pid"]),
                    exit_text(row), text_or_dash(row["restarts"]),
                    uptime.text().empty() ? "-" : duration(std::strtod(uptime.text().c_str(), nullptr))});
  }
  std::vector<std::size_t> widths(rows[0].size());
  for (const Arguments& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string table;
  for (const Arguments& row : rows) {
    for (std::size_t i = 0; i + 1 < row.size(); ++i) table += row[i] + std::string(widths[i] + 2 - row[i].size(), ' ');
    table += row.back() + "\n";
  }
  print(table);
}

int list(const Arguments& arguments) {
  std::string payload;
  if (int status = ask("ls", payload); status != 0) return status;
  if (!arguments.empty() && arguments[0] == "--json") {
    print(payload);
    return 0;
  }
  json::Value answer;
  std::string problem = json::parse(payload, answer);
  if (!problem.empty()) return fail("reading init's answer: " + problem);
  print_table(answer);
  return 0;
}

/// The two files of a container's output: its standard output and its standard error.
std::vector<std::string> log_files(const std::string& name) {
  for (const std::string& prefix :
       {"/var/log/" + name, "/run/log/onboot/onboot." + name, "/run/log/shutdown/shutdown." + name}) {
    if (exists(prefix + ".log") || exists(prefix + ".out.log")) return {prefix + ".out.log", prefix + ".log"};
  }
  return {};
}

/// A log file being followed across its rotation.
struct Tail {
  std::string path;
  UniqueFd fd;

  bool rotated() const {
    struct stat now;
    struct stat open;
    return ::stat(path.c_str(), &now) == 0 && ::fstat(fd.get(), &open) == 0 && now.st_ino != open.st_ino;
  }
  void copy() {
    if (!fd) fd = UniqueFd{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
    if (!fd) return;
    char chunk[8192];
    ssize_t got = 0;
    while ((got = ::read(fd.get(), chunk, sizeof chunk)) > 0) print({chunk, static_cast<std::size_t>(got)});
    if (rotated()) fd.reset();
  }
};

int logs(const Arguments& arguments) {
  bool follow = !arguments.empty() && arguments[0] == "-f";
  if (arguments.size() != (follow ? 2U : 1U)) return fail("logs: expected the name of one container");
  const std::string& name = arguments.back();
  if (name.find('/') != std::string::npos) return fail("no container '" + printable(name) + "'");
  std::vector<std::string> files = log_files(name);
  if (files.empty() && sees_system_init() && !enter_host().failed()) files = log_files(name);
  if (files.empty()) return fail("no logs of '" + printable(name) + "' below /var/log and /run/log");
  std::vector<Tail> tails;
  for (const std::string& file : files) {
    for (const std::string& path : {file + ".1", file}) {
      if (path != file || follow || exists(path)) tails.push_back(Tail{path, {}});
    }
  }
  for (Tail& tail : tails) tail.copy();
  if (!follow) return 0;
  for (;;) {
    ::usleep(250'000);
    for (Tail& tail : tails) {
      if (tail.path.back() != '1') tail.copy();
    }
  }
}

int exec(const Arguments& arguments) {
  if (arguments.size() < 2) return fail("exec: expected the name of a service and a command");
  if (sees_system_init()) {
    if (Errno error = enter_host(); error.failed()) return fail(format("leaving this container: %s", error.text()));
  }
  std::string runtime = find_runtime();
  if (runtime.empty()) return fail("no container runtime here: neither /usr/bin/crun nor /usr/bin/runc");
  std::vector<char*> command = {runtime.data(), const_cast<char*>("exec")};
  if (::isatty(STDIN_FILENO) != 0) command.push_back(const_cast<char*>("--tty"));
  for (const std::string& argument : arguments) command.push_back(const_cast<char*>(argument.c_str()));
  command.push_back(nullptr);
  ::execv(runtime.c_str(), command.data());
  return fail(format("running '%s': %s", runtime.c_str(), Errno::last().text()));
}

/// LinuxKit's service takes options before and after the command; those that have no meaning here are passed over.
Arguments without_linuxkit_flags(int argc, char** argv) {
  constexpr std::string_view kWithValue[] = {"-containerd-namespace", "-sock", "-path", "-containerd", "-dump-spec"};
  Arguments arguments;
  bool foreign = false;  // what follows `exec NAME` belongs to another program
  for (int i = 1; i < argc; ++i) {
    std::string_view argument = argv[i];
    foreign = foreign || (!arguments.empty() && arguments[0] == "exec");
    std::string_view bare = argument.substr(0, 2) == "--" ? argument.substr(1) : argument;
    if (!foreign && (bare == "-q" || bare == "-v")) continue;
    if (!foreign && std::find(std::begin(kWithValue), std::end(kWithValue), bare) != std::end(kWithValue)) {
      ++i;
      continue;
    }
    arguments.emplace_back(argument);
  }
  return arguments;
}

}  // namespace

int service_main(int argc, char** argv) {
  Arguments arguments = without_linuxkit_flags(argc, argv);
  std::string verb = arguments.empty() ? "" : arguments[0];
  if (!arguments.empty()) arguments.erase(arguments.begin());
  if (verb == "ls") return list(arguments);
  if (verb == "logs") return logs(arguments);
  if (verb == "exec") return exec(arguments);
  if ((verb == "start" || verb == "stop" || verb == "restart") && arguments.size() == 1) {
    std::string payload;
    return ask(verb + " " + arguments[0], payload);
  }
  StderrLog{}.line(kUsage);
  return 2;
}

}  // namespace guest
