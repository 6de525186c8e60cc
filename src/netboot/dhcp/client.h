#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "netboot/dhcp/address.h"

namespace kiln::dhcp {

struct Packet;

/// Option 93: processor and firmware, as IANA has registered them ("Processor Architecture Types"; RFC 4578 has two of
/// them the wrong way round). Other values occur; they have no name here.
enum class Architecture : std::uint16_t {
  x86_bios = 0,
  ia32_uefi = 6,
  x64_uefi = 7,
  x64_uefi_ebc = 9,  ///< "EFI byte code"; sent by x64 firmware that follows RFC 4578's table
  arm32_uefi = 10,
  arm64_uefi = 11,
  ia32_uefi_http = 15,
  x64_uefi_http = 16,
  arm32_uefi_http = 18,
  arm64_uefi_http = 19,
  x86_bios_http = 20,
  arm64_uboot = 22,
  arm64_uboot_http = 24,
  riscv64_uefi = 27,
  riscv64_uefi_http = 28,
  loongarch64_uefi = 39,
  loongarch64_uefi_http = 40
};

/// "arm64 UEFI HTTP boot"; "architecture 77" for those without a name.
std::string architecture_name(Architecture architecture);
/// The processor as OCI names it: "amd64", "386", "arm64", "riscv64" …; empty if unknown. BIOS counts as "amd64".
std::string processor_of(Architecture architecture);
bool is_http(Architecture architecture);

/// What of a machine asks: told by its DHCP message.
struct Client {
  /// Which program is at work in the machine, and so what it can be offered.
  enum class Kind {
    none,       ///< did not ask for network boot: an operating system that wants an address
    pxe,        ///< firmware, by TFTP ("PXEClient")
    uefi_http,  ///< firmware, by HTTP: the boot file is a URL ("HTTPClient")
    ipxe,       ///< takes a script's URL
  };

  HardwareAddress hardware;
  Kind kind = Kind::none;
  std::optional<Architecture> architecture;  ///< the first of option 93; iPXE sends it as well
  std::string uuid;               ///< "0a1b2c3d-…" as SMBIOS and `dmidecode` show it; empty if it has none to tell
  std::string vendor_class;       ///< option 60 as sent: "PXEClient:Arch:00011:UNDI:003016"
  std::string user_class;         ///< option 77, decoded; several joined by commas
  std::string host_name;          ///< option 12
  std::string client_identifier;  ///< option 61, raw; leases go by it only where there is no
                                  ///< hardware address: firmware, iPXE and system each send another one
  Ipv4Address relay;              ///< the relay agent it came through; none: it is on this network
  std::string ipxe_version;       ///< "1.21.1" if iPXE told (option 175); empty otherwise

  static Client of(const Packet& packet);

  /// For logs: "52:54:00:12:34:56 (arm64 UEFI, PXE)".
  std::string describe() const;
  bool operator==(const Client&) const = default;
};

std::string kind_name(Client::Kind kind);  ///< "PXE", "UEFI HTTP boot", "iPXE", "no network boot"

}  // namespace kiln::dhcp
