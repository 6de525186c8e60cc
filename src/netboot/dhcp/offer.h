#pragma once

#include <functional>
#include <string>
#include <variant>

#include "netboot/dhcp/address.h"

namespace kiln::dhcp {

struct Client;

/// What a machine is told to boot.
struct BootFile {
  std::string name;         ///< a name for TFTP, or a URL (for iPXE and UEFI HTTP boot)
  Ipv4Address next_server;  ///< the TFTP server; none: the one that answers
  bool operator==(const BootFile&) const = default;
};

/// Why a machine that asked is told nothing, in words for its owner: "asked for arm64 HTTP boot but no UKI was built".
struct NoBoot {
  std::string reason;
  bool operator==(const NoBoot&) const = default;
};

using BootChoice = std::variant<BootFile, NoBoot>;

/// Decides what a client gets. Asked once for each message that is to be answered, so several times for each boot, and
/// only for clients that asked for network boot. Must not throw, nor take long.
using ChooseBoot = std::function<BootChoice(const Client&)>;

}  // namespace kiln::dhcp
