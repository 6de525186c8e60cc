#include "supervise/call_home.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "net/address.h"
#include "net/http_client.h"

namespace guest {
namespace {

constexpr std::string_view kParameter = "kiln.report=";
constexpr Milliseconds kFirstPause{200};
constexpr Milliseconds kMaxPause{3'000};
constexpr Milliseconds kExchangeTime{5'000};

/// The kernel's own name, made Go's (and so Kiln's).
std::string architecture(const char* machine) {
  std::string_view name = machine;
  if (name == "x86_64") return "amd64";
  if (name == "aarch64") return "arm64";
  return std::string{name};
}

MachineIdentity this_machine() {
  MachineIdentity machine;
  machine.uuid = read_value("/sys/class/dmi/id/product_uuid");
  machine.serial = read_value("/sys/class/dmi/id/product_serial");
  if (machine.serial.empty()) {  // a device tree's strings end in NUL
    machine.serial = read_value("/sys/firmware/devicetree/base/serial-number");
    machine.serial = machine.serial.substr(0, machine.serial.find('\0'));
  }
  utsname system{};
  ::uname(&system);
  machine.hostname = system.nodename;
  machine.arch = architecture(system.machine);
  machine.kernel = system.release;
  return machine;
}

/// One attempt. Returns an empty string, or what went wrong; `final` if trying again would not help.
std::string post(const Url& url, const std::string& boot_mac, const HomeReport& report, Microseconds deadline,
                 bool& final) {
  HttpLimits limits{std::min(deadline, since_boot() + Microseconds{kExchangeTime}), std::size_t{64} << 10, false};
  MachineIdentity machine = this_machine();
  machine.mac = boot_mac;
  if (machine.mac.empty()) {
    std::vector<Address> addresses;
    std::string problem = resolve(url.host, url.port, limits.deadline, addresses);
    if (!problem.empty()) return problem;
    machine.mac = mac_towards(addresses.front());
  }
  HttpRequest request{"POST", url, {"Content-Type: application/json"}, home_report_json(report, machine)};
  HttpResponse response;
  if (std::string problem = http_exchange(request, limits, response); !problem.empty()) return problem;
  if (response.status / 100 == 2) return {};
  final = response.status / 100 == 4;
  std::string_view reason = response.body;
  std::string_view line;
  take_line(reason, line);
  return format("the server answers %d: %s", response.status, printable(line.substr(0, 200)).c_str());
}

void call(Log& log, const Url& url, const std::string& boot_mac, const HomeReport& report, Milliseconds patience) {
  Microseconds deadline = since_boot() + patience;
  bool final = false;
  for (Milliseconds pause = kFirstPause;; pause = std::min(pause * 2, kMaxPause)) {
    std::string problem = post(url, boot_mac, report, deadline, final);
    if (problem.empty()) return;
    if (final || since_boot() + pause >= deadline)
      return log.line(format("kiln: calling home to '%s': %s", url.text().c_str(), problem.c_str()));
    ::usleep(static_cast<useconds_t>(Microseconds{pause}.count()));
  }
}

}  // namespace

std::string home_report_json(const HomeReport& report, const MachineIdentity& machine) {
  std::string text = "{";
  auto add = [&](const char* name, const std::string& value) {
    if (!value.empty()) text += format("\"%s\": %s, ", name, json::quote(value).c_str());
  };
  add("mac", machine.mac);
  add("uuid", machine.uuid);
  add("serial", machine.serial);
  add("hostname", machine.hostname);
  add("arch", machine.arch);
  add("kernel", machine.kernel);
  add("stage", report.stage);
  add("state", report.state);
  add("message", report.message);
  text += format("\"failed\": %s, \"uptime\": %.3f, \"services\": ", report.failed ? "true" : "false",
                 seconds(report.uptime));
  return text + report.containers + "}\n";
}

CallHome::CallHome(Log& log, const Cmdline& cmdline) : log_(log) {
  for (const std::string& token : cmdline.tokens()) {
    if (std::string mac = boot_interface_mac(token); !mac.empty()) boot_mac_ = mac;
    if (token.compare(0, kParameter.size(), kParameter) != 0) continue;
    std::string problem = parse_url(std::string_view{token}.substr(kParameter.size()), url_);
    wanted_ = problem.empty();
    if (!wanted_) log_.line("kiln: " + std::string{kParameter} + ": " + problem);
  }
}

void CallHome::send(const HomeReport& report, Milliseconds patience) {
  if (!wanted_) return;
  abandon();
  child_ = ::fork();
  if (child_ < 0) log_.line(format("kiln: forking to call home: %s", Errno::last().text()));
  if (child_ != 0) return;
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::prctl(PR_SET_NAME, "call-home");
  call(log_, url_, boot_mac_, report, patience);
  ::_exit(0);
}

bool CallHome::on_child(pid_t pid) {
  if (child_ <= 0 || pid != child_) return false;
  child_ = 0;
  return true;
}

void CallHome::abandon() {
  // PID 1 reaps it like any orphan; its number is not reused before.
  if (child_ > 0) ::kill(child_, SIGKILL);
  child_ = 0;
}

}  // namespace guest
