#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "netboot/dhcp/leases.h"
#include "netboot/dhcp/observer.h"
#include "netboot/dhcp/responder.h"

namespace kiln {
class EventLoop;
}

namespace kiln::dhcp {

/// The IPv4 address and netmask of a network interface.
struct InterfaceAddress {
  Ipv4Address address;
  Ipv4Address netmask;
};
/// Throws Error, with the interfaces there are, if it does not exist or has no IPv4 address.
InterfaceAddress interface_address(const std::string& interface);

struct ServerOptions {
  std::string interface;  ///< where the machines are; nothing is heard or sent elsewhere
  /// `responder.server` may be left empty, and `leases->netmask`: they are the interface's then.
  ResponderOptions responder;
  // Other ports are for tests.
  std::uint16_t server_port = 67;
  std::uint16_t client_port = 68;
  std::uint16_t boot_server_port = 4011;
};

/// A DHCP server on one interface. Several, on one interface each, can be had in one process.
class Server {
 public:
  /// Listens at once. Throws Error if it may not or cannot ("UDP port 67 is taken by dnsmasq (pid 812)"). Loop and
  /// observer must outlive it.
  Server(EventLoop& loop, ServerOptions options, ChooseBoot choose_boot, Observer& observer);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  Ipv4Address address() const;  ///< ours
  std::vector<LeaseTable::Lease> leases() const;

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace kiln::dhcp
