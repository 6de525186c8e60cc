#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "netboot/boot_image.h"
#include "netboot/mac_address.h"

namespace kiln::netboot {

/// What iPXE says of its machine when it asks for a script. All of it is untrusted.
struct ScriptQuery {
  std::optional<MacAddress> mac;
  std::string uuid, serial;
  std::string architecture;  ///< Go's name
  std::string platform;      ///< "efi" or "pcbios"
  std::string ip;
  std::uint64_t memory = 0;  ///< bytes; 0: not told
};

/// What the URL of a script may hold (first_script() fills it in).
std::string script_query_template();

/// The memory of a machine in bytes out of iPXE's ${memsize} (MiB; known on BIOS only) or else out of the addresses in
/// its SMBIOS tables, which iPXE shows in hex: of each structure of type 19 the start and end in KiB, little-endian
/// ("00000000ffff1f00"; DMTF DSP0134 §7.20). 0 when neither tells.
std::uint64_t memory_of(std::string_view memsize, const std::vector<std::string_view>& mapped_ranges);

/// The script every machine gets first, from a URL that is the same for all: it asks for its own, and once more if that
/// fails. `base_url` is http://HOST:PORT.
std::string first_script(const std::string& base_url);

/// What iPXE looks for by itself beside its own program (autoexec.ipxe): goes to first_script() by HTTP.
std::string autoexec_script(const std::string& base_url);

/// What a script for one machine is made of.
struct MachineScript {
  const BootImage& image;
  std::string base_url;
  std::optional<MacAddress> mac;
  std::string title;                     ///< shown on the console
  std::vector<std::string> kernel_args;  ///< after the system's own
  std::optional<std::string> console;    ///< see publish::IpxeScript
  bool report = true;                    ///< tell the system where to call home
};
/// Throws Error for what cannot be in a script (a `${` on the command line, a line that is too long).
std::string machine_script(const MachineScript& script);

/// Says why there is nothing to boot, offers a shell, and fails, so that first_script() tries again.
std::string refusal_script(const std::string& reason);
/// Says that what was asked for is being built, and asks for the same again. `url` is this script's own.
std::string waiting_script(const std::string& what, const std::string& url);
/// For machines that are to be left alone: the firmware goes on with its next device.
std::string nothing_script();

/// Text as iPXE can print it: what it would act on is replaced by '?'.
std::string script_text(std::string_view text);

}  // namespace kiln::netboot
