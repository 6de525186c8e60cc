#pragma once

#include "netboot/dhcp/foreign_configuration.h"
#include "netboot/dhcp/observer.h"
#include "netboot/dhcp/offer.h"

namespace kiln::netboot {

class Site;

/// What the boot server offers by DHCP: iPXE to firmware, the first script to iPXE, nothing to who did not ask.
class DhcpService final : public dhcp::Observer {
 public:
  explicit DhcpService(Site& site) : site_{site} {}

  dhcp::BootChoice choose(const dhcp::Client& client) const;

  void on_event(const dhcp::Event& event) override;
  void on_trouble(std::string_view message) override;

 private:
  Site& site_;
};

/// The same, for another's DHCP server (`--dhcp print`).
dhcp::BootSetup foreign_setup(const Site& site, dhcp::Ipv4Address server);

}  // namespace kiln::netboot
