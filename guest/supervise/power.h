#pragma once

#include <functional>
#include <map>
#include <string>

#include "base/unique_fd.h"
#include "supervise/event_loop.h"

namespace guest {

/// Listens for the power button on every input device that has one: ACPI's (module `button`), or a GPIO key of an ARM64
/// machine.
class PowerButton {
 public:
  PowerButton(EventLoop& loop, std::function<void()> pressed) : loop_(loop), pressed_(std::move(pressed)) {}

  /// Looks for new devices; call whenever modules or devices may have appeared.
  void scan();

 private:
  void read(const std::string& name);

  EventLoop& loop_;
  std::function<void()> pressed_;
  std::map<std::string, UniqueFd> devices_;
};

}  // namespace guest
