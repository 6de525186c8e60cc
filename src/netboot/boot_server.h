#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "netboot/dhcp/leases.h"
#include "netboot/dhcp/responder.h"
#include "netboot/dhcp_service.h"
#include "netboot/http_service.h"
#include "netboot/tftp_service.h"

namespace kiln {
class EventLoop;
}
namespace kiln::http {
class Server;
}

namespace kiln::netboot {

class Site;

/// What is done about DHCP.
enum class DhcpMode {
  proxy,  ///< tell machines what to boot, beside another server that gives them addresses
  full,   ///< give them addresses too
  off     ///< nothing: another server has been told what to say (`print`), or the machines know
};

/// An interface of this host, and its address where machines reach us.
struct ServerAddress {
  std::string interface;
  dhcp::Ipv4Address address;
};

/// Finds out what is not given (empty). Throws Error, with what there is, unless one address remains.
ServerAddress choose_address(const std::string& interface, const std::string& address);

struct BootServerOptions {
  ServerAddress where;
  DhcpMode dhcp = DhcpMode::proxy;
  std::optional<dhcp::LeaseOptions> leases;  ///< of mode full
  std::uint16_t http_port = 8080;
  std::uint16_t tftp_port = 69;  ///< machines know no other
};

/// DHCP, TFTP and HTTP on one loop, for machines that boot from the network.
class BootServer {
 public:
  /// Listens at once. Throws Error. Loop and site must outlive it.
  BootServer(EventLoop& loop, Site& site, const BootServerOptions& options);
  ~BootServer();
  BootServer(const BootServer&) = delete;
  BootServer& operator=(const BootServer&) = delete;

  http::Server& http() { return *http_; }

 private:
  void tick();

  EventLoop& loop_;
  Site& site_;
  HttpService http_service_;
  TftpService tftp_service_;
  DhcpService dhcp_service_;
  std::unique_ptr<http::Server> http_;
  struct Datagrams;
  std::unique_ptr<Datagrams> datagrams_;
  std::uint64_t timer_ = 0;
};

}  // namespace kiln::netboot
