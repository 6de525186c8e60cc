#include "machine/ipmi/ipmitool.h"

#include "base/error.h"
#include "base/human.h"

namespace kiln::machine::ipmi {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::nanoseconds kBetweenLooks = 2s;

std::string spoken(const std::vector<std::string>& words) {
  std::string out = "ipmitool";
  for (const std::string& word : words) out += concat(" ", word);
  return out;
}

std::vector<std::string> arguments(const Bmc& bmc) {
  // -E: the password is in IPMI_PASSWORD.
  std::vector<std::string> out{"ipmitool", "-I", bmc.interface, "-H", bmc.host, "-p", std::to_string(bmc.port)};
  if (!bmc.user.empty()) out.insert(out.end(), {"-U", bmc.user});
  if (!bmc.cipher_suite.empty()) out.insert(out.end(), {"-C", bmc.cipher_suite});
  out.emplace_back("-E");
  return out;
}

std::map<std::string, std::string> environment(const Bmc& bmc) { return {{"IPMI_PASSWORD", bmc.password}}; }

std::string one_line(std::string_view text) {
  std::string out;
  for (const char c : text) out += c == '\n' ? ' ' : c;
  while (!out.empty() && out.back() == ' ') out.pop_back();
  return printable(out);
}

}  // namespace

void require_ipmitool() {
  if (find_program("ipmitool")) return;
  throw Error{"speaking IPMI needs the program 'ipmitool', which is missing"}.with_hint(
      "install the Debian package ipmitool");
}

Ipmitool::Ipmitool(Bmc bmc, Runner& runner) : bmc_{std::move(bmc)}, runner_{runner} {
  if (bmc_.host.empty() || bmc_.host.front() == '-') {
    throw Error{"--bmc ", quote(bmc_.host), ": expected a host name or address"};
  }
}

CommandResult Ipmitool::call(const std::vector<std::string>& words) {
  Command command{arguments(bmc_), environment(bmc_), {}, {}};
  command.arguments.insert(command.arguments.end(), words.begin(), words.end());
  return runner_.run(command);
}

std::string Ipmitool::checked(const std::vector<std::string>& words) {
  CommandResult result = call(words);
  if (result.status == 0) return std::move(result.output);
  const std::string said = one_line(result.errors);
  Error error{quote(spoken(words)),     " for BMC ", quote(bmc_.host), ": status ", result.status,
              said.empty() ? "" : ": ", said};
  if (said.find("session") == std::string::npos) throw error;
  throw std::move(error).with_hint(
      "is IPMI over LAN switched on there, and are --user and the password (KILN_BMC_PASSWORD or --password-file) "
      "right?");
}

bool Ipmitool::is_on() {
  const std::string said = checked({"chassis", "power", "status"});
  if (said.find("Power is on") != std::string::npos) return true;
  if (said.find("Power is off") != std::string::npos) return false;
  throw Error{"BMC ", quote(bmc_.host), ": ipmitool tells the power status as ", quote(said)};
}

void Ipmitool::boot_once_from(BootDevice device) {
  checked({"chassis", "bootdev", device == BootDevice::pxe ? "pxe" : "cdrom", "options=efiboot"});
}

void Ipmitool::power_cycle(Waiter& waiter, std::chrono::nanoseconds patience) {
  checked({"chassis", "power", is_on() ? "cycle" : "on"});
  if (wait_until(waiter, patience, kBetweenLooks, [this] { return is_on(); })) return;
  throw Error{"the machine of BMC ", quote(bmc_.host), " is not on after ", human_duration(patience)}.with_hint(
      "look at the BMC's own log; --timeout gives it more time");
}

void Ipmitool::close_console() { call({"sol", "deactivate"}); }  // it fails when there is none

ConsoleProgram sol_program(const Bmc& bmc) {
  ConsoleProgram program{arguments(bmc), environment(bmc)};
  // Kiln has the same escape keys; ipmitool's own cannot be switched off, so they begin with what no key sends.
  program.arguments.insert(program.arguments.end(), {"-e", "\x1e", "sol", "activate"});
  return program;
}

}  // namespace kiln::machine::ipmi
