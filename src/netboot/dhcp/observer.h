#pragma once

#include <string_view>

namespace kiln::dhcp {

struct Event;

/// Sees what a DHCP server does. Called on its thread; must not throw nor take long.
struct Observer {
  virtual ~Observer() = default;
  virtual void on_event(const Event& /*event*/) {}
  /// A datagram that is no DHCP message, a reply that could not be sent: worth a line in the log. Many can come at
  /// once.
  virtual void on_trouble(std::string_view /*message*/) {}
};

}  // namespace kiln::dhcp
