#include "http/local_addresses.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>

#include <algorithm>
#include <memory>

#include "base/error.h"

namespace kiln::http {
namespace {

struct FreeInterfaces {
  void operator()(ifaddrs* list) const { ::freeifaddrs(list); }
};

bool is_link_local(const sockaddr& address) {
  if (address.sa_family != AF_INET6) return false;
  return IN6_IS_ADDR_LINKLOCAL(&reinterpret_cast<const sockaddr_in6&>(address).sin6_addr);
}

bool is_usable(const ifaddrs& interface) {
  if (interface.ifa_addr == nullptr || (interface.ifa_flags & IFF_UP) == 0) return false;
  const int family = interface.ifa_addr->sa_family;
  return (family == AF_INET || family == AF_INET6) && !is_link_local(*interface.ifa_addr);
}

int rank(const ifaddrs& interface) {
  return ((interface.ifa_flags & IFF_LOOPBACK) != 0 ? 0 : 2) + (interface.ifa_addr->sa_family == AF_INET ? 0 : 1);
}

}  // namespace

std::vector<std::string> local_addresses() {
  ifaddrs* first = nullptr;
  if (::getifaddrs(&first) != 0) return {"127.0.0.1"};
  const std::unique_ptr<ifaddrs, FreeInterfaces> list{first};
  std::vector<std::pair<int, std::string>> ranked;
  for (const ifaddrs* interface = first; interface != nullptr; interface = interface->ifa_next) {
    if (is_usable(*interface)) ranked.emplace_back(rank(*interface), Endpoint::of(*interface->ifa_addr).host);
  }
  std::stable_sort(ranked.begin(), ranked.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<std::string> addresses;
  for (auto& [rank, address] : ranked) addresses.push_back(std::move(address));
  return addresses;
}

std::vector<std::string> urls_of(const std::vector<Endpoint>& endpoints) {
  std::vector<std::string> urls;
  const auto add = [&urls](const Endpoint& endpoint) {
    std::string url = concat("http://", endpoint.to_string(), "/");
    if (std::find(urls.begin(), urls.end(), url) == urls.end()) urls.push_back(std::move(url));
  };
  for (const Endpoint& endpoint : endpoints) {
    if (!endpoint.host.empty() && endpoint.host != "0.0.0.0" && endpoint.host != "::") {
      add(endpoint);
      continue;
    }
    for (const std::string& address : local_addresses()) {
      const bool v6 = address.find(':') != std::string::npos;
      const bool reached = endpoint.host.empty() || v6 == (endpoint.host == "::");
      if (reached) add({address, endpoint.port});
    }
  }
  return urls;
}

}  // namespace kiln::http
