#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "netboot/dhcp/client.h"
#include "netboot/dhcp/leases.h"
#include "netboot/dhcp/offer.h"
#include "netboot/dhcp/packet.h"

namespace kiln::dhcp {

/// The addresses a server in `full` mode gives out, and what goes with them.
struct LeaseOptions {
  AddressRange range;
  Ipv4Address netmask;  ///< none: that of the server's interface, which Server fills in
  std::optional<Ipv4Address> router = {};
  std::vector<Ipv4Address> name_servers = {};
  std::string domain = {};
  std::chrono::seconds time{3600};
};

struct ResponderOptions {
  Ipv4Address server;  ///< our address: server identifier, and next server where BootFile names none
  /// Without: `proxy` mode. Answers beside an existing DHCP server, and only what concerns booting.
  std::optional<LeaseOptions> leases;
};

/// What was done about a message: for the log, the status page, metrics.
struct Event {
  enum class Kind {
    offered,          ///< DHCPOFFER was sent
    acknowledged,     ///< DHCPACK
    refused,          ///< DHCPNAK
    released,         ///< the client gave its address back
    declined,         ///< the client found its address in use by another machine
    nothing_to_boot,  ///< in proxy mode: it asked for network boot, but ChooseBoot had nothing for it
    ignored           ///< not for us: an answer to another server, no network boot asked for in proxy mode, …
  };
  Kind kind = Kind::ignored;
  Client client;
  MessageType asked = MessageType::discover;
  std::uint16_t port = 67;       ///< where it arrived: 67 or 4011
  Ipv4Address address;           ///< that the client was given, has, or gave back; none in proxy mode
  std::optional<BootFile> boot;  ///< what it was told to boot, next server filled in
  std::string reason;            ///< why not (more), in words; empty if all went well

  /// One line: "DHCPDISCOVER from 52:54:… (arm64 UEFI, PXE): offered 192.0.2.100, ipxe-arm64.efi from 192.0.2.1".
  std::string describe() const;
};

struct Destination {
  Ipv4Address address;  ///< kEveryone: broadcast on the network the message came from
  std::uint16_t port = 68;
  bool operator==(const Destination&) const = default;
};

/// A DHCP or proxyDHCP server without its sockets: RFC 2131, PXE 2.1 and UEFI HTTP boot as a function of what comes in.
class Responder {
 public:
  /// Throws Error for leases that cannot work (range outside of the subnet, last before first).
  Responder(ResponderOptions options, ChooseBoot choose_boot);

  struct Received {
    const Packet& packet;
    std::uint16_t port = 67;  ///< that it was sent to: 67, or 4011 (PXE boot servers)
    Destination source;       ///< who sent it, as UDP has it
  };
  struct Reply {
    Packet packet;
    Destination destination;
    std::size_t most = 0;  ///< bytes that the client takes (option 57)
  };
  struct Result {
    std::optional<Reply> reply;
    Event event;
  };
  /// Does not throw for anything a client sends.
  Result respond(const Received& received, std::chrono::nanoseconds now);

  /// Those given out; empty in proxy mode.
  std::vector<LeaseTable::Lease> leases(std::chrono::nanoseconds now) const;
  const ResponderOptions& options() const { return options_; }

 private:
  class Exchange;  // one message being answered

  ResponderOptions options_;
  ChooseBoot choose_boot_;
  std::optional<LeaseTable> table_;
};

}  // namespace kiln::dhcp
