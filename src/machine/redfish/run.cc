#include "machine/redfish/run.h"

#include <sys/stat.h>

#include "base/error.h"
#include "base/file.h"
#include "http/url.h"
#include "machine/ipmi/ipmitool.h"
#include "machine/remote/watch.h"

namespace kiln::machine::redfish {
namespace {

using namespace std::chrono_literals;

constexpr unsigned kSshPort = 22;
constexpr unsigned kIpmiPort = 623;
constexpr auto kBetweenLooks = 5s;

/// Ends the session when it goes.
class LoggedIn {
 public:
  LoggedIn(Service& service, const Login& login, const Root& root) : service_{service} { service_.log_in(login, root); }
  ~LoggedIn() { service_.log_out(); }
  LoggedIn(const LoggedIn&) = delete;
  LoggedIn& operator=(const LoggedIn&) = delete;

 private:
  Service& service_;
};

/// A CD in a virtual drive, which is ejected when this goes.
class InsertedCd {
 public:
  InsertedCd(Service& service, std::string drive, bool keep, Reporter& reporter)
      : service_{service}, drive_{std::move(drive)}, keep_{keep}, reporter_{reporter} {}
  ~InsertedCd() {
    if (!keep_) eject_cd(service_, drive_, reporter_);
  }
  InsertedCd(const InsertedCd&) = delete;
  InsertedCd& operator=(const InsertedCd&) = delete;

 private:
  Service& service_;
  std::string drive_;
  bool keep_;
  Reporter& reporter_;
};

/// The program that ssh asks for the password, which it finds in its environment. Anything else that ssh asks (whether
/// to trust a key it does not know) it refuses to answer.
constexpr std::string_view kAskpass =
    "#!/bin/sh\n"
    "case \"$1\" in *assword*) printf '%s\\n' \"$KILN_CONSOLE_PASSWORD\" ;; *) exit 1 ;; esac\n";

std::string write_askpass(const TempDir& directory) {
  const std::filesystem::path path = directory.path() / "askpass";
  write_file(path, kAskpass);
  constexpr mode_t kExecutable = 0700;
  if (::chmod(path.c_str(), kExecutable) != 0) throw SysError{errno, "making ", quote(path.native()), " executable"};
  return path;
}

std::string console_host(const Options& options) {
  if (!options.console_host.empty()) return options.console_host;
  std::string host = http::host_and_port(options.url);
  if (host.starts_with('[')) return host.substr(1, host.find(']') - 1);
  return host.substr(0, host.find(':'));
}

Console ssh_console(const Options& options, const System& system, const std::string& askpass) {
  SshConsole console;
  console.host = console_host(options);
  console.user = options.console_user.empty() ? options.login.user : options.console_user;
  console.port = options.console_port != 0 ? options.console_port : system.ssh.port;
  if (console.port == 0) console.port = kSshPort;
  console.options = options.ssh_options;
  console.command = system.ssh.command;
  Console out{ssh_program(console), concat("ssh, port ", console.port)};
  if (!askpass.empty()) {
    out.program.environment = {
        {"SSH_ASKPASS", askpass}, {"SSH_ASKPASS_REQUIRE", "force"}, {"KILN_CONSOLE_PASSWORD", options.login.password}};
  }
  return out;
}

Console ipmi_console(const Options& options, const System& system) {
  ipmi::require_ipmitool();
  ipmi::Bmc bmc;
  bmc.host = console_host(options);
  bmc.user = options.login.user;
  bmc.password = options.login.password;
  bmc.port = options.console_port != 0 ? options.console_port : system.ipmi.port;
  if (bmc.port == 0) bmc.port = kIpmiPort;
  return {ipmi::sol_program(bmc), concat("IPMI, port ", bmc.port)};
}

TargetMachine describe(Service& service, const System& system) {
  return {concat("system ", system.id), architecture_of(service, system), system.memory_bytes};
}

void check(const Options& options, Service& service, const System& system) {
  if (options.os) check_suits(*options.os, describe(service, system));
}

int show_console(const Console& console, const System& system, Service& service, SignalWaiter& waiter,
                 Reporter& reporter) {
  reporter.info(concat("console by ", console.told, ": ~. at the beginning of a line leaves it"));
  const Watch watch{[&] { return read_system(service.get_once(system.path).body, "system").power_state == "Off"; },
                    kBetweenLooks};
  return follow_console(console.program, waiter, watch.fd(), reporter);
}

}  // namespace

std::optional<Console> find_console(const Options& options, const System& system, const std::string& askpass) {
  switch (options.console) {
    case ConsoleKind::none:
      return std::nullopt;
    case ConsoleKind::ssh:
      return ssh_console(options, system, askpass);
    case ConsoleKind::ipmi:
      return ipmi_console(options, system);
    case ConsoleKind::automatic:
      break;
  }
  if (system.ssh.enabled) return ssh_console(options, system, askpass);
  if (system.ipmi.enabled) return ipmi_console(options, system);
  return std::nullopt;
}

int run(const Options& options, Transport& transport, SignalWaiter& waiter, Reporter& reporter) {
  Service service{options.url, transport, waiter, reporter};
  const Root root = service.root();
  const LoggedIn logged_in{service, options.login, root};
  const System system = find_system(service, root, options.system);
  check(options, service, system);
  const TempDir directory;
  // Found before anything is changed: a console that cannot be had is no reason to have restarted the machine.
  const auto console = find_console(options, system, options.login.password.empty() ? "" : write_askpass(directory));
  std::optional<InsertedCd> cd;
  if (options.source.kind == BootSource::Kind::iso) {
    cd.emplace(service, insert_cd(service, system, options.source.url, reporter), options.keep_cd, reporter);
  }
  override_boot(service, reload(service, system), options.source, reporter);
  power_cycle(service, system, waiter, options.patience, reporter);
  if (console) return show_console(*console, system, service, waiter, reporter);
  if (options.console != ConsoleKind::none) {
    reporter.info("the BMC tells of no serial console: follow the boot elsewhere, or name one with --console");
  }
  if (!follow_progress(service, system, waiter, options.patience, reporter)) {
    reporter.info("the machine is on; its BMC does not tell how far the boot comes");
  }
  return 0;
}

}  // namespace kiln::machine::redfish
