#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "netboot/mac_address.h"

namespace kiln::netboot {

/// Whose an IP address on this network is: TFTP and HTTP see addresses, DHCP in proxy mode sees machines only.
struct Neighbours {
  virtual ~Neighbours() = default;
  virtual std::optional<MacAddress> find(const std::string& ip) const = 0;
};

/// What the kernel has learned by ARP, in /proc/net/arp.
class KernelNeighbours final : public Neighbours {
 public:
  std::optional<MacAddress> find(const std::string& ip) const override;
};

/// The same out of that file's text: lines of IP, type, flags, MAC, mask, device.
std::optional<MacAddress> find_in_arp_table(std::string_view table, std::string_view ip);

}  // namespace kiln::netboot
