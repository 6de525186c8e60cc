#pragma once

#include <map>
#include <optional>
#include <string>

#include "netboot/dhcp/client.h"
#include "netboot/dhcp/responder.h"

namespace kiln::dhcp {

/// What another DHCP server must tell machines so that they boot from here.
struct BootSetup {
  Ipv4Address server;                              ///< where TFTP is served
  std::map<Architecture, std::string> boot_files;  ///< names for TFTP; URLs for the architectures that boot by HTTP
  std::string script_url;                          ///< for iPXE
  /// Also have it give out these addresses. Without: only what concerns booting is printed, to be added to a
  /// configuration that does the rest.
  std::optional<LeaseOptions> leases;
  std::string interface;  ///< for dnsmasq; may be empty
};

/// As a file for `dnsmasq --conf-file`.
std::string dnsmasq_configuration(const BootSetup& setup);
std::string isc_dhcpd_configuration(const BootSetup& setup);
std::string kea_configuration(const BootSetup& setup);  ///< of kea-dhcp4

}  // namespace kiln::dhcp
