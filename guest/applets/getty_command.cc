#include "applets/getty_command.h"

#include <string_view>

namespace guest {
namespace {

bool is_serial(std::string_view device) {
  for (std::string_view prefix : {"ttyS", "ttyAMA", "ttyUSB", "ttyMFD"}) {
    if (device.substr(0, prefix.size()) == prefix) return true;
  }
  return false;
}

bool is_virtual_terminal(std::string_view device) { return device.size() == 4 && device.substr(0, 3) == "tty"; }

/// The kernel allows parity and bits behind the speed ("115200n8"), agetty wants digits.
std::string speed_of(std::string_view options) {
  std::string_view digits = options.substr(0, options.find_first_not_of("0123456789"));
  return digits.empty() ? "115200" : std::string{digits};
}

}  // namespace

GettyCommand getty_command(const ConsoleToken& console, bool insecure) {
  GettyCommand command{console.device, "linux", {}};
  std::string speed = speed_of(console.options);
  if (insecure) command.arguments = {"-a", "root"};
  if (is_serial(console.device)) {
    command.arguments.push_back("-L");
    command.term = "vt100";
  } else if (is_virtual_terminal(console.device)) {
    speed = "38400";
    command.term.clear();
  }
  command.arguments.push_back(speed);
  command.arguments.push_back(console.device);
  if (!command.term.empty()) command.arguments.push_back(command.term);
  return command;
}

}  // namespace guest
