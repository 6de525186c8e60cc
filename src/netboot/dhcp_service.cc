#include "netboot/dhcp_service.h"

#include "base/error.h"
#include "netboot/site.h"

namespace kiln::netboot {
namespace {

using dhcp::Architecture;
using dhcp::Client;

std::optional<MacAddress> mac_of(const Client& client) {
  MacAddress mac;
  if (client.hardware.size != mac.bytes.size()) return std::nullopt;
  std::copy_n(client.hardware.bytes.begin(), mac.bytes.size(), mac.bytes.begin());
  return mac;
}

MachineFacts facts_of(const Client& client) {
  const std::optional<MacAddress> mac = mac_of(client);
  return {mac ? mac->to_string() : "", client.uuid, "",
          client.architecture ? dhcp::processor_of(*client.architecture) : ""};
}

/// Firmware too old for option 93 is a BIOS (RFC 4578 §2.1 makes it a must for PXE).
Architecture architecture_of(const Client& client) { return client.architecture.value_or(Architecture::x86_bios); }

std::string firmware_of(const Client& client) {
  if (client.kind == Client::Kind::ipxe) return "iPXE " + client.ipxe_version;
  return dhcp::architecture_name(architecture_of(client));
}

std::string program_url(const Site& site, std::string_view program) {
  return concat(site.settings().base_url, "/ipxe/", program);
}

std::string kind_of(dhcp::Event::Kind kind) {
  using Kind = dhcp::Event::Kind;
  switch (kind) {
    case Kind::offered:
      return "offered";
    case Kind::acknowledged:
      return "acknowledged";
    case Kind::refused:
      return "refused";
    case Kind::released:
      return "released";
    case Kind::declined:
      return "declined";
    case Kind::nothing_to_boot:
      return "nothing_to_boot";
    case Kind::ignored:
      break;
  }
  return "ignored";
}

}  // namespace

dhcp::BootChoice DhcpService::choose(const Client& client) const {
  if (site_.choose(facts_of(client)).ignore) return dhcp::NoBoot{"the policy says to leave it alone"};
  if (client.kind == Client::Kind::ipxe) return dhcp::BootFile{site_.settings().base_url + "/boot.ipxe", {}};
  const Architecture architecture = architecture_of(client);
  const std::string_view program = ipxe_program_for(architecture);
  if (program.empty() || !site_.programs().find(program)) {
    return dhcp::NoBoot{concat("asked for ", dhcp::architecture_name(architecture),
                               " but there is no iPXE binary for that",
                               program.empty() ? "" : concat(": ", program, " is missing from the iPXE package"))};
  }
  if (client.kind == Client::Kind::uefi_http) return dhcp::BootFile{program_url(site_, program), {}};
  return dhcp::BootFile{std::string{program}, {}};
}

void DhcpService::on_event(const dhcp::Event& event) {
  ++site_.metrics().dhcp_messages[kind_of(event.kind)];
  const std::optional<MacAddress> mac = mac_of(event.client);
  // Systems that only want an address are no machines that boot.
  if (!mac || event.client.kind == Client::Kind::none) return;
  if (event.kind == dhcp::Event::Kind::ignored) return;
  site_.note(*mac, event::Asked{firmware_of(event.client),
                                event.client.architecture ? dhcp::processor_of(*event.client.architecture) : "",
                                event.client.uuid, event.address.is_none() ? "" : event.address.to_string(),
                                event.client.kind == Client::Kind::ipxe});
  if (event.boot) {
    site_.note(*mac, event::Offered{event.boot->name}, event.describe());
  } else if (!event.reason.empty()) {
    site_.note(*mac, event::Refused{event.reason}, event.describe());
  }
}

void DhcpService::on_trouble(std::string_view message) { site_.warn(concat("DHCP: ", message)); }

dhcp::BootSetup foreign_setup(const Site& site, dhcp::Ipv4Address server) {
  dhcp::BootSetup setup;
  setup.server = server;
  setup.script_url = site.settings().base_url + "/boot.ipxe";
  for (int code = 0; code < 64; ++code) {
    const auto architecture = static_cast<Architecture>(code);
    const std::string_view program = ipxe_program_for(architecture);
    if (program.empty() || !site.programs().find(program)) continue;
    setup.boot_files[architecture] = dhcp::is_http(architecture) ? program_url(site, program) : std::string{program};
  }
  return setup;
}

}  // namespace kiln::netboot
