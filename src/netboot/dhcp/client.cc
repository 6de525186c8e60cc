#include "netboot/dhcp/client.h"

#include <algorithm>

#include "base/error.h"
#include "netboot/dhcp/packet.h"

namespace kiln::dhcp {
namespace {

struct ArchitectureEntry {
  Architecture architecture;
  const char* name;
  const char* processor;
  bool http = false;
};

constexpr ArchitectureEntry kArchitectures[] = {
    {Architecture::x86_bios, "x86 BIOS", "amd64"},
    {Architecture::ia32_uefi, "x86 UEFI", "386"},
    {Architecture::x64_uefi, "x64 UEFI", "amd64"},
    {Architecture::x64_uefi_ebc, "x64 UEFI", "amd64"},
    {Architecture::arm32_uefi, "arm UEFI", "arm"},
    {Architecture::arm64_uefi, "arm64 UEFI", "arm64"},
    {Architecture::ia32_uefi_http, "x86 UEFI HTTP boot", "386", true},
    {Architecture::x64_uefi_http, "x64 UEFI HTTP boot", "amd64", true},
    {Architecture::arm32_uefi_http, "arm UEFI HTTP boot", "arm", true},
    {Architecture::arm64_uefi_http, "arm64 UEFI HTTP boot", "arm64", true},
    {Architecture::x86_bios_http, "x86 BIOS HTTP boot", "amd64", true},
    {Architecture::arm64_uboot, "arm64 U-Boot", "arm64"},
    {Architecture::arm64_uboot_http, "arm64 U-Boot HTTP boot", "arm64", true},
    {Architecture::riscv64_uefi, "riscv64 UEFI", "riscv64"},
    {Architecture::riscv64_uefi_http, "riscv64 UEFI HTTP boot", "riscv64", true},
    {Architecture::loongarch64_uefi, "loongarch64 UEFI", "loong64"},
    {Architecture::loongarch64_uefi_http, "loongarch64 UEFI HTTP boot", "loong64", true},
};

const ArchitectureEntry* find_entry(Architecture architecture) {
  const auto* found = std::find_if(std::begin(kArchitectures), std::end(kArchitectures),
                                   [&](const ArchitectureEntry& entry) { return entry.architecture == architecture; });
  return found == std::end(kArchitectures) ? nullptr : found;
}

/// The first of a list of 16-bit numbers.
std::optional<Architecture> read_architecture(const Packet& packet) {
  const auto value = packet.option(Option::client_architecture);
  if (!value || value->size() < 2) return std::nullopt;
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>((*value)[i]); };
  return static_cast<Architecture>(byte(0) << 8 | byte(1));
}

/// Option 97: a type of 0 and 16 bytes in the order of SMBIOS: the first three fields are little-endian.
std::string read_uuid(const Packet& packet) {
  const auto value = packet.option(Option::client_uuid);
  if (!value || value->size() != 17 || (*value)[0] != 0) return {};
  const std::string_view bytes = value->substr(1);
  // Boards that were never given one have all zeros or all ones.
  if (bytes.find_first_not_of('\0') == bytes.npos || bytes.find_first_not_of('\xFF') == bytes.npos) return {};
  static constexpr std::size_t kOrder[] = {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const std::size_t i : kOrder) {
    if (text.size() == 8 || text.size() == 13 || text.size() == 18 || text.size() == 23) text += '-';
    const auto byte = static_cast<std::uint8_t>(bytes[i]);
    text += kDigits[byte >> 4];
    text += kDigits[byte & 0xF];
  }
  return text;
}

/// Option 77: as RFC 3004 has it, a list of texts with their lengths; or, as iPXE and others send it, just a text.
std::vector<std::string> read_user_classes(std::string_view value) {
  std::vector<std::string> classes;
  for (std::string_view rest = value; !rest.empty();) {
    const std::size_t size = static_cast<std::uint8_t>(rest[0]);
    if (size == 0 || size > rest.size() - 1) return {std::string{value}};
    classes.emplace_back(rest.substr(1, size));
    rest.remove_prefix(1 + size);
  }
  return classes;
}

/// A sub-option of an option that encapsulates others.
std::optional<std::string_view> sub_option(std::string_view options, std::uint8_t wanted) {
  while (options.size() >= 2) {
    const auto code = static_cast<std::uint8_t>(options[0]);
    if (code == 0) {
      options.remove_prefix(1);
      continue;
    }
    const std::size_t size = static_cast<std::uint8_t>(options[1]);
    if (code == 255 || size > options.size() - 2) return std::nullopt;
    if (code == wanted) return options.substr(2, size);
    options.remove_prefix(2 + size);
  }
  return std::nullopt;
}

constexpr std::uint8_t kIpxeVersion = 235;

std::string read_ipxe_version(const Packet& packet) {
  const auto version = sub_option(packet.option(Option::ipxe).value_or(""), kIpxeVersion);
  if (!version || version->size() != 3) return {};
  const auto part = [&](std::size_t i) { return static_cast<std::uint8_t>((*version)[i]); };
  return concat(part(0), ".", part(1), ".", part(2));
}

bool contains(const std::vector<std::string>& texts, std::string_view wanted) {
  return std::find(texts.begin(), texts.end(), wanted) != texts.end();
}

Client::Kind read_kind(const Packet& packet, const std::vector<std::string>& user_classes) {
  // iPXE tells by user class; one embedded in a ROM whose maker set another class still has iPXE's own option.
  if (contains(user_classes, "iPXE") || packet.option(Option::ipxe)) return Client::Kind::ipxe;
  const std::string_view vendor_class = packet.option(Option::vendor_class).value_or("");
  if (vendor_class.starts_with("PXEClient")) return Client::Kind::pxe;
  if (vendor_class.starts_with("HTTPClient")) return Client::Kind::uefi_http;
  return Client::Kind::none;
}

std::string text_option(const Packet& packet, Option code) {
  const std::string_view value = packet.option(code).value_or("");
  return std::string{value.substr(0, value.find('\0'))};
}

}  // namespace

std::string architecture_name(Architecture architecture) {
  if (const ArchitectureEntry* entry = find_entry(architecture)) return entry->name;
  return concat("architecture ", static_cast<std::uint16_t>(architecture));
}

std::string processor_of(Architecture architecture) {
  const ArchitectureEntry* entry = find_entry(architecture);
  return entry != nullptr ? entry->processor : "";
}

bool is_http(Architecture architecture) {
  const ArchitectureEntry* entry = find_entry(architecture);
  return entry != nullptr && entry->http;
}

std::string kind_name(Client::Kind kind) {
  switch (kind) {
    case Client::Kind::none:
      return "no network boot";
    case Client::Kind::pxe:
      return "PXE";
    case Client::Kind::uefi_http:
      return "UEFI HTTP boot";
    case Client::Kind::ipxe:
      return "iPXE";
  }
  return {};
}

Client Client::of(const Packet& packet) {
  Client client;
  client.hardware = packet.hardware;
  const auto user_classes = read_user_classes(packet.option(Option::user_class).value_or(""));
  client.kind = read_kind(packet, user_classes);
  client.architecture = read_architecture(packet);
  client.uuid = read_uuid(packet);
  client.vendor_class = text_option(packet, Option::vendor_class);
  for (const std::string& user_class : user_classes) {
    client.user_class += (client.user_class.empty() ? "" : ",") + user_class;
  }
  client.host_name = text_option(packet, Option::host_name);
  client.client_identifier = std::string{packet.option(Option::client_identifier).value_or("")};
  client.relay = packet.relay;
  client.ipxe_version = read_ipxe_version(packet);
  return client;
}

std::string Client::describe() const {
  std::string details;
  if (architecture) details = architecture_name(*architecture);
  const bool told = architecture && is_http(*architecture) && kind == Kind::uefi_http;  // "… HTTP boot" says it all
  if (!told) details += (details.empty() ? "" : ", ") + kind_name(kind);
  if (!ipxe_version.empty()) details += " " + ipxe_version;
  const std::string who = hardware.size > 0 ? hardware.to_string() : quote(client_identifier);
  const std::string through = relay.is_none() ? "" : " through relay " + relay.to_string();
  return concat(who, " (", details, ")", through);
}

}  // namespace kiln::dhcp
