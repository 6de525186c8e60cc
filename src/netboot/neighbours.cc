#include "netboot/neighbours.h"

#include <sstream>

#include "base/error.h"
#include "base/file.h"

namespace kiln::netboot {

std::optional<MacAddress> KernelNeighbours::find(const std::string& ip) const {
  try {
    return find_in_arp_table(read_file("/proc/net/arp"), ip);
  } catch (const Error&) {
    return std::nullopt;  // no /proc: machines are then known from their script request on
  }
}

std::optional<MacAddress> find_in_arp_table(std::string_view table, std::string_view ip) {
  std::istringstream lines{std::string{table}};
  std::string line;
  std::getline(lines, line);  // the heading
  while (std::getline(lines, line)) {
    std::istringstream words{line};
    std::string address;
    std::string type;
    std::string flags;
    std::string mac;
    if (!(words >> address >> type >> flags >> mac) || address != ip) continue;
    const std::optional<MacAddress> found = MacAddress::parse(mac);
    return found == MacAddress{} ? std::nullopt : found;  // all zeros: asked for, and not answered
  }
  return std::nullopt;
}

}  // namespace kiln::netboot
