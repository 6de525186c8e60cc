#pragma once

#include <cstdint>
#include <string>

namespace kiln {

/// Who has a UDP port of this machine, for an error message: "dnsmasq (pid 812)"; "another program" if that cannot be
/// told (without privileges, or from another network namespace's processes).
std::string udp_port_holder(std::uint16_t port);

}  // namespace kiln
