#include "machine/packet/run.h"

#include <cmath>

#include "base/error.h"
#include "base/human.h"
#include "machine/remote/watch.h"

namespace kiln::machine::packet {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::nanoseconds kBetweenLooks = 3s;
constexpr auto kBetweenLooksWithConsole = 10s;
constexpr std::string_view kCustomIpxe = "custom_ipxe";

bool is_over(std::string_view state) {
  return state == "inactive" || state == "deprovisioning" || state == "deleted" || state == "failed";
}

std::string progress_of(const Device& device) {
  if (!device.provisioned) return printable(device.state);
  return concat(printable(device.state), ", ", static_cast<long>(std::lround(*device.provisioned)), " %");
}

std::string ssh_text(const SshConsole& console) {
  const std::string port = console.port == 22 ? "" : concat(" -p ", console.port);
  return concat("ssh", port, " ", console.user, "@", console.host);
}

}  // namespace

Lease::Lease(Service& service, const Options& options, Reporter& reporter)
    : service_{service}, options_{options}, reporter_{reporter} {
  if (options_.device.empty()) {
    create();
  } else {
    reuse();
  }
}

Lease::~Lease() {
  if (finished_) return;
  try {
    finish();
  } catch (const std::exception& error) {
    reporter_.warning(std::string_view{error.what()});
    reporter_.warning(concat("device ", device_.id, " is still there and costs money: delete it by hand"));
  }
}

void Lease::create() {
  device_ = service_.create(options_.project, options_.wanted);
  reporter_.info(concat("created device ", device_.id, " (", printable(device_.hostname), ")"));
}

void Lease::reuse() {
  device_ = service_.get(options_.device);
  if (!device_.operating_system.empty() && device_.operating_system != kCustomIpxe) {
    throw Error{"device ", device_.id, " has the operating system ", quote(device_.operating_system),
                ": only those with 'custom_ipxe' boot a script"}
        .with_hint("reinstall it with custom_ipxe, or leave --device out to have a new one");
  }
  service_.update(device_.id, {options_.wanted.ipxe_script_url, options_.wanted.always_pxe, options_.wanted.hostname});
  if (!options_.wanted.always_pxe) {
    reporter_.warning(
        "without --always-pxe a device runs its script at its first boot only: at the console, press Ctrl-B while iPXE "
        "starts, then type 'dhcp' and 'chain URL'");
  }
  const std::string_view action = device_.state == "inactive" ? "power_on" : "reboot";
  service_.act(device_.id, action);
  reporter_.info(concat(action == "reboot" ? "rebooting" : "switching on", " device ", device_.id, " (",
                        printable(device_.hostname), ")"));
}

void Lease::wait_until_active(Waiter& waiter, std::chrono::nanoseconds patience) {
  std::string last;
  const bool came = wait_until(waiter, patience, kBetweenLooks, [&] {
    device_ = service_.get(device_.id);
    if (const std::string now = progress_of(device_); now != last) {
      reporter_.info(concat("device ", device_.id, ": ", now));
      last = now;
    }
    // One that was off is inactive until it has been switched on.
    if (device_.state == "failed" || device_.state == "deprovisioning" || device_.state == "deleted") {
      throw Error{"device ", device_.id, " is ", device_.state, " instead of active"};
    }
    return device_.state == "active";
  });
  if (came) return;
  throw Error{"device ", device_.id, " is not active after ", human_duration(patience), ": it is ", last}.with_hint(
      "--timeout gives it more time");
}

void Lease::finish() {
  if (finished_) return;
  if (!options_.keep) service_.remove(device_.id);
  finished_ = true;
  reporter_.info(concat(options_.keep ? "device stays: " : "deleted device ", device_.id));
}

SshConsole sos_console(const Options& options, const Device& device) {
  SshConsole console;
  console.user = device.id;
  console.host = options.sos_host.empty() ? device.sos : options.sos_host;
  console.port = options.sos_port;
  console.options = options.ssh_options;
  if (!console.host.empty()) return console;
  throw Error{"the API does not tell where the console of device ", device.id, " is"}.with_hint(concat(
      "name the host with --sos-host (it used to be sos.", device.facility.empty() ? "FACILITY" : device.facility,
      ".platformequinix.com), or do without: --console=false"));
}

int run(const Options& options, bool stay, Transport& transport, SignalWaiter& waiter, Reporter& reporter) {
  Service service{options.api_url, options.token, transport, waiter, reporter};
  Lease lease{service, options, reporter};
  lease.wait_until_active(waiter, options.patience);
  if (!options.console) {
    const bool known = !options.sos_host.empty() || !lease.device().sos.empty();
    if (known) reporter.info(concat("console: ", ssh_text(sos_console(options, lease.device()))));
    if (stay) {
      reporter.info("serving until Ctrl-C");
      for (;;) waiter.pause(1h);  // until that throws Interrupted
    }
    lease.finish();
    return 0;
  }
  const SshConsole console = sos_console(options, lease.device());
  reporter.info(concat("console by ", ssh_text(console), ": ~. at the beginning of a line leaves it"));
  int status = 0;
  {
    const std::string& id = lease.device().id;
    const Watch watch{[&] { return is_over(service.get_once(id).state); }, kBetweenLooksWithConsole};
    status = follow_console(ssh_program(console), waiter, watch.fd(), reporter);
  }
  lease.finish();
  return status;
}

}  // namespace kiln::machine::packet
