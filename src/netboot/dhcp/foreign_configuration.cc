#include "netboot/dhcp/foreign_configuration.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"

namespace kiln::dhcp {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kHttpClient = "HTTPClient";
constexpr std::size_t kLongestFile = 127;

/// Names come from file names and URLs. None of the three formats quotes everything; what would end a value early in
/// one of them is refused in all.
const std::string& checked(const std::string& name) {
  const bool bad = std::any_of(name.begin(), name.end(), [](unsigned char c) { return c <= ' ' || c == 0x7F; }) ||
                   name.find_first_of(",\"'\\#;") != name.npos;
  if (name.empty() || bad) {
    throw Error{"boot file ", quote(name), ": cannot be written into another server's configuration; expected a name ",
                "without spaces, commas, quotes, semicolons and number signs"};
  }
  if (name.size() > kLongestFile) {
    throw Error{"boot file ", quote(name), ": ", name.size(), " bytes; DHCP has room for ", kLongestFile};
  }
  return name;
}

std::string tag_of(Architecture architecture) { return concat("arch", static_cast<std::uint16_t>(architecture)); }

std::string hex16(Architecture architecture) {
  static constexpr char kDigits[] = "0123456789abcdef";
  const auto value = static_cast<std::uint16_t>(architecture);
  std::string text;
  for (int shift = 12; shift >= 0; shift -= 4) text += kDigits[value >> shift & 0xF];
  return text;
}

std::string join(const std::vector<Ipv4Address>& addresses, std::string_view separator) {
  std::string text;
  for (const Ipv4Address address : addresses) {
    text += concat(text.empty() ? "" : separator, address.to_string());
  }
  return text;
}

Ipv4Address network_of(const LeaseOptions& leases) { return {leases.range.first.value & leases.netmask.value}; }

int prefix_of(Ipv4Address netmask) {
  int bits = 0;
  for (std::uint32_t value = netmask.value; value != 0; value <<= 1) ++bits;
  return bits;
}

void check(const BootSetup& setup) {
  if (setup.leases && setup.leases->netmask.is_none()) throw Error{"the netmask of the leased addresses is missing"};
}

std::string dnsmasq_leases(const LeaseOptions& leases) {
  std::string text = concat("dhcp-range=", leases.range.first.to_string(), ",", leases.range.last.to_string(), ",",
                            leases.netmask.to_string(), ",", leases.time.count(), "\n");
  // Without a value: none is told. dnsmasq would otherwise name itself.
  text += concat("dhcp-option=option:router", leases.router ? "," + leases.router->to_string() : "", "\n");
  if (!leases.name_servers.empty()) {
    text += concat("dhcp-option=option:dns-server,", join(leases.name_servers, ","), "\n");
  }
  if (!leases.domain.empty()) text += concat("dhcp-option=option:domain-name,", checked(leases.domain), "\n");
  return text;
}

std::string isc_leases(const LeaseOptions& leases) {
  std::string text = concat("subnet ", network_of(leases).to_string(), " netmask ", leases.netmask.to_string(), " {\n");
  text += concat("  range ", leases.range.first.to_string(), " ", leases.range.last.to_string(), ";\n");
  if (leases.router) text += concat("  option routers ", leases.router->to_string(), ";\n");
  if (!leases.name_servers.empty()) {
    text += concat("  option domain-name-servers ", join(leases.name_servers, ", "), ";\n");
  }
  if (!leases.domain.empty()) text += concat("  option domain-name \"", checked(leases.domain), "\";\n");
  return text + concat("  default-lease-time ", leases.time.count(), ";\n}\n");
}

Json kea_option(std::string_view name, std::string data) { return {{"name", name}, {"data", std::move(data)}}; }

Json kea_subnet(const LeaseOptions& leases) {
  Json options = Json::array();
  if (leases.router) options.push_back(kea_option("routers", leases.router->to_string()));
  if (!leases.name_servers.empty()) {
    options.push_back(kea_option("domain-name-servers", join(leases.name_servers, ", ")));
  }
  if (!leases.domain.empty()) options.push_back(kea_option("domain-name", leases.domain));
  const std::string range = concat(leases.range.first.to_string(), " - ", leases.range.last.to_string());
  return {{"id", 1},
          {"subnet", concat(network_of(leases).to_string(), "/", prefix_of(leases.netmask))},
          {"pools", Json::array({Json{{"pool", range}}})},
          {"valid-lifetime", leases.time.count()},
          {"option-data", std::move(options)}};
}

Json kea_class(const BootSetup& setup, std::string name, std::string test, const std::string& file) {
  return {{"name", std::move(name)},
          {"test", std::move(test)},
          {"next-server", setup.server.to_string()},
          {"boot-file-name", checked(file)}};
}

}  // namespace

std::string dnsmasq_configuration(const BootSetup& setup) {
  check(setup);
  const std::string server = setup.server.to_string();
  std::string text = "# Network boot from " + server + ".\n";
  if (!setup.interface.empty()) text += "interface=" + checked(setup.interface) + "\n";
  if (setup.leases) text += dnsmasq_leases(*setup.leases);
  text += "\n# iPXE is told its script, whatever the machine.\ndhcp-userclass=set:ipxe,iPXE\n";
  text += concat("dhcp-boot=tag:ipxe,", checked(setup.script_url), ",,", server, "\n");
  for (const auto& [architecture, file] : setup.boot_files) {
    const std::string tag = tag_of(architecture);
    text += concat("\n# ", architecture_name(architecture), "\n");
    text += concat("dhcp-match=set:", tag, ",option:client-arch,", static_cast<std::uint16_t>(architecture), "\n");
    if (is_http(architecture)) text += concat("dhcp-option-force=tag:", tag, ",tag:!ipxe,60,", kHttpClient, "\n");
    text += concat("dhcp-boot=tag:", tag, ",tag:!ipxe,", checked(file), ",,", server, "\n");
  }
  return text;
}

std::string isc_dhcpd_configuration(const BootSetup& setup) {
  check(setup);
  std::string text = "# Network boot from " + setup.server.to_string() + ".\n";
  text += "option client-architecture code 93 = unsigned integer 16;\n\n";
  text += "next-server " + setup.server.to_string() + ";\n";
  text += "# iPXE is told its script, whatever the machine.\n";
  text += "if exists user-class and option user-class = \"iPXE\" {\n";
  text += "  filename \"" + checked(setup.script_url) + "\";\n}";
  for (const auto& [architecture, file] : setup.boot_files) {
    text += concat(" elsif option client-architecture = ", static_cast<std::uint16_t>(architecture), " {\n");
    text += concat("  # ", architecture_name(architecture), "\n");
    if (is_http(architecture)) text += concat("  option vendor-class-identifier \"", kHttpClient, "\";\n");
    text += "  filename \"" + checked(file) + "\";\n}";
  }
  text += "\n";
  if (setup.leases) text += "\n" + isc_leases(*setup.leases);
  return text;
}

std::string kea_configuration(const BootSetup& setup) {
  check(setup);
  const std::string ipxe = "kiln-ipxe";
  Json classes = Json::array();
  classes.push_back(kea_class(setup, ipxe, "substring(option[77].hex, 0, 4) == 'iPXE'", setup.script_url));
  for (const auto& [architecture, file] : setup.boot_files) {
    Json one = kea_class(setup, "kiln-" + tag_of(architecture),
                         concat("option[93].hex == 0x", hex16(architecture), " and not member('", ipxe, "')"), file);
    if (is_http(architecture)) {
      Json option = kea_option("vendor-class-identifier", std::string{kHttpClient});
      option["always-send"] = true;
      one["option-data"] = Json::array({std::move(option)});
    }
    classes.push_back(std::move(one));
  }
  Json dhcp4;
  const std::string interface = setup.interface.empty() ? "*" : checked(setup.interface);
  if (setup.leases) dhcp4["interfaces-config"] = {{"interfaces", Json::array({interface})}};
  dhcp4["client-classes"] = std::move(classes);
  if (setup.leases) dhcp4["subnet4"] = Json::array({kea_subnet(*setup.leases)});
  return Json{{"Dhcp4", std::move(dhcp4)}}.dump(2) + "\n";
}

}  // namespace kiln::dhcp
