#include "netboot/boot_server.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>

#include <algorithm>
#include <vector>

#include "base/error.h"
#include "base/event_loop.h"
#include "http/server.h"
#include "netboot/dhcp/server.h"
#include "netboot/site.h"
#include "netboot/tftp/server.h"

namespace kiln::netboot {
namespace {

using namespace std::chrono_literals;

/// The IPv4 addresses of interfaces that are up, loopback last.
std::vector<ServerAddress> own_addresses() {
  ifaddrs* first = nullptr;
  if (::getifaddrs(&first) != 0) throw SysError{errno, "listing the network interfaces"};
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> all{first, &::freeifaddrs};
  std::vector<ServerAddress> addresses;
  std::vector<ServerAddress> loopback;
  for (const ifaddrs* each = first; each != nullptr; each = each->ifa_next) {
    if (each->ifa_addr == nullptr || each->ifa_addr->sa_family != AF_INET || (each->ifa_flags & IFF_UP) == 0) continue;
    const auto* address = reinterpret_cast<const sockaddr_in*>(each->ifa_addr);
    const ServerAddress found{each->ifa_name, dhcp::Ipv4Address{ntohl(address->sin_addr.s_addr)}};
    ((each->ifa_flags & IFF_LOOPBACK) != 0 ? loopback : addresses).push_back(found);
  }
  addresses.insert(addresses.end(), loopback.begin(), loopback.end());
  return addresses;
}

std::string list(const std::vector<ServerAddress>& addresses) {
  std::string text;
  for (const ServerAddress& each : addresses) {
    text += concat(text.empty() ? "" : ", ", each.interface, " (", each.address.to_string(), ")");
  }
  return text.empty() ? "none" : text;
}

bool is_loopback(const ServerAddress& address) { return address.address.value >> 24 == 127; }

}  // namespace

ServerAddress choose_address(const std::string& interface, const std::string& address) {
  const std::vector<ServerAddress> all = own_addresses();
  if (!interface.empty()) dhcp::interface_address(interface);  // says so if there is none, or none with an address
  std::optional<dhcp::Ipv4Address> wanted;
  if (!address.empty()) {
    wanted = dhcp::Ipv4Address::parse(address);
    if (!wanted) throw Error{quote(address), " is no IPv4 address: expected one like 192.0.2.7"};
  }
  std::vector<ServerAddress> fitting;
  for (const ServerAddress& each : all) {
    const bool named = !interface.empty() || wanted;
    if (!interface.empty() && each.interface != interface) continue;
    if (wanted && each.address != *wanted) continue;
    if (!named && is_loopback(each)) continue;
    fitting.push_back(each);
  }
  if (fitting.empty() && wanted) {
    throw Error{"no interface", interface.empty() ? "" : " " + interface, " of this host has the address ",
                quote(address)}
        .with_hint(concat("it has: ", list(all)));
  }
  if (fitting.empty()) throw Error{"no network interface that is up has an IPv4 address"}.with_hint("ip address add …");
  // Several on one interface: the first is what its DHCP answers come from.
  const bool one_interface = std::all_of(fitting.begin(), fitting.end(), [&](const ServerAddress& each) {
    return each.interface == fitting.front().interface;
  });
  if (!one_interface) {
    throw Error{"this host has several networks: on which of them are the machines?"}.with_hint(
        concat("say --interface NAME; there are: ", list(fitting)));
  }
  return fitting.front();
}

struct BootServer::Datagrams {
  std::unique_ptr<tftp::Server> tftp;
  std::unique_ptr<dhcp::Server> dhcp;
};

BootServer::BootServer(EventLoop& loop, Site& site, const BootServerOptions& options)
    : loop_{loop},
      site_{site},
      http_service_{site},
      tftp_service_{site},
      dhcp_service_{site},
      datagrams_{std::make_unique<Datagrams>()} {
  http::ServerOptions http_options;
  http_options.listen = {http::Endpoint{"", options.http_port}};
  http_ = std::make_unique<http::Server>(
      loop, std::move(http_options), [this](const http::Request& request) { return http_service_.handle(request); },
      http_service_);
  tftp::ServerOptions tftp_options;
  tftp_options.interface = options.where.interface;
  tftp_options.port = options.tftp_port;
  datagrams_->tftp = std::make_unique<tftp::Server>(
      loop, tftp_options, [this](std::string_view name, const tftp::Peer&) { return tftp_service_.find(name); },
      tftp_service_);
  if (options.dhcp != DhcpMode::off) {
    dhcp::ServerOptions dhcp_options;
    dhcp_options.interface = options.where.interface;
    dhcp_options.responder.server = options.where.address;
    if (options.dhcp == DhcpMode::full) dhcp_options.responder.leases = options.leases;
    datagrams_->dhcp = std::make_unique<dhcp::Server>(
        loop, std::move(dhcp_options), [this](const dhcp::Client& client) { return dhcp_service_.choose(client); },
        dhcp_service_);
  }
  tick();
}

BootServer::~BootServer() { loop_.cancel(timer_); }

void BootServer::tick() {
  site_.tick();
  Metrics& metrics = site_.metrics();
  metrics.http_connections = http_->connections();
  metrics.http_transfers = http_->transfers();
  metrics.tftp_transfers_now = datagrams_->tftp->transfers();
  timer_ = loop_.after(1s, [this] { tick(); });
}

}  // namespace kiln::netboot
