#include "net/address.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <poll.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "base/file.h"
#include "base/text.h"
#include "net/dns_message.h"

namespace guest {
namespace {

constexpr std::size_t kMaxServers = 3;  // as resolv.conf(5)
constexpr Milliseconds kAnswerTime{1000};
constexpr int kRounds = 2;

struct ResolverConfig {
  std::vector<Address> servers;
  std::vector<std::string> search;
};

ResolverConfig read_resolv_conf() {
  ResolverConfig config;
  std::string text;
  read_file("/etc/resolv.conf", text).ignore();  // then there is nobody to ask
  std::string_view rest = text;
  std::string_view line;
  while (take_line(rest, line)) {
    std::string_view key = take_word(line);
    if (key == "nameserver") {
      Address server;
      if (config.servers.size() < kMaxServers && parse_address(std::string{take_word(line)}, 53, server))
        config.servers.push_back(server);
    } else if (key == "search" || key == "domain") {
      config.search.clear();
      for (std::string_view domain : words(line)) config.search.emplace_back(domain);
    }
  }
  return config;
}

void find_in_hosts(const std::string& host, std::uint16_t port, std::vector<Address>& addresses) {
  std::string text;
  read_file("/etc/hosts", text).ignore();
  std::string_view rest = text;
  std::string_view line;
  while (take_line(rest, line)) {
    std::vector<std::string_view> fields = words(line.substr(0, line.find('#')));
    if (fields.size() < 2 || std::find(fields.begin() + 1, fields.end(), host) == fields.end()) continue;
    Address address;
    if (parse_address(std::string{fields[0]}, port, address)) addresses.push_back(address);
  }
}

/// Asks one server once.
std::string ask(const Address& server, const std::string& name, DnsType type, Microseconds deadline,
                DnsAnswer& answer) {
  std::uint16_t id = 0;
  if (::getrandom(&id, sizeof id, GRND_NONBLOCK) != sizeof id) id = static_cast<std::uint16_t>(since_boot().count());
  std::string query = dns_query(id, name, type);
  if (query.empty()) return "it is no host name";
  UniqueFd fd{::socket(server.family(), SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  if (!fd || ::connect(fd.get(), server.get(), server.size) != 0 || ::send(fd.get(), query.data(), query.size(), 0) < 0)
    return format("name server %s: %s", address_text(server).c_str(), Errno::last().text());
  Microseconds end = std::min(deadline, since_boot() + kAnswerTime);
  while (true) {
    auto left = std::chrono::duration_cast<Milliseconds>(end - since_boot());
    pollfd ready{fd.get(), POLLIN, 0};
    if (left.count() <= 0 || ::poll(&ready, 1, static_cast<int>(left.count())) == 0)
      return format("name server %s did not answer", address_text(server).c_str());
    char message[2048];
    ssize_t got = ::recv(fd.get(), message, sizeof message, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (got < 0) return format("name server %s: %s", address_text(server).c_str(), Errno::last().text());
    // What is not the answer may be a late one, or forged: wait for the right one.
    if (parse_dns_answer(query, {message, static_cast<std::size_t>(got)}, answer).empty()) return {};
  }
}

std::string ask_all(const ResolverConfig& config, const std::string& name, DnsType type, std::uint16_t port,
                    Microseconds deadline, std::vector<Address>& addresses) {
  std::string problem = "/etc/resolv.conf names no server";
  for (int round = 0; round < kRounds; ++round) {
    for (const Address& server : config.servers) {
      DnsAnswer answer;
      problem = ask(server, name, type, deadline, answer);
      if (problem.empty() && answer.code != 0 && answer.code != 3)
        problem = format("name server %s answers with code %d", address_text(server).c_str(), answer.code);
      if (!problem.empty()) continue;
      for (const std::string& bytes : answer.addresses) addresses.push_back(address_from_bytes(bytes, port));
      return {};
    }
  }
  return problem;
}

std::string mac_of(const std::string& interface) {
  std::string mac = read_value("/sys/class/net/" + interface + "/address");
  return mac == "00:00:00:00:00:00" ? std::string{} : mac;
}

bool same_host(const sockaddr* a, const sockaddr* b) {
  if (a->sa_family != b->sa_family) return false;
  if (a->sa_family == AF_INET)
    return reinterpret_cast<const sockaddr_in*>(a)->sin_addr.s_addr ==
           reinterpret_cast<const sockaddr_in*>(b)->sin_addr.s_addr;
  return a->sa_family == AF_INET6 && std::memcmp(&reinterpret_cast<const sockaddr_in6*>(a)->sin6_addr,
                                                 &reinterpret_cast<const sockaddr_in6*>(b)->sin6_addr, 16) == 0;
}

}  // namespace

bool parse_address(const std::string& text, std::uint16_t port, Address& address) {
  char bytes[16];
  for (auto [family, size] : {std::pair{AF_INET, std::size_t{4}}, std::pair{AF_INET6, std::size_t{16}}}) {
    if (::inet_pton(family, text.c_str(), bytes) != 1) continue;
    address = address_from_bytes({bytes, size}, port);
    return true;
  }
  return false;
}

Address address_from_bytes(std::string_view bytes, std::uint16_t port) {
  Address address;
  if (bytes.size() == 4) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    std::memcpy(&to.sin_addr, bytes.data(), 4);
    std::memcpy(&address.storage, &to, sizeof to);
    address.size = sizeof to;
  } else if (bytes.size() == 16) {
    sockaddr_in6 to{};
    to.sin6_family = AF_INET6;
    to.sin6_port = htons(port);
    std::memcpy(&to.sin6_addr, bytes.data(), 16);
    std::memcpy(&address.storage, &to, sizeof to);
    address.size = sizeof to;
  }
  return address;
}

std::string address_text(const Address& address) {
  char text[INET6_ADDRSTRLEN] = "?";
  if (address.family() == AF_INET) {
    const auto* from = reinterpret_cast<const sockaddr_in*>(&address.storage);
    ::inet_ntop(AF_INET, &from->sin_addr, text, sizeof text);
    return format("%s:%u", text, static_cast<unsigned>(ntohs(from->sin_port)));
  }
  const auto* from = reinterpret_cast<const sockaddr_in6*>(&address.storage);
  ::inet_ntop(AF_INET6, &from->sin6_addr, text, sizeof text);
  return format("[%s]:%u", text, static_cast<unsigned>(ntohs(from->sin6_port)));
}

std::string resolve(const std::string& host, std::uint16_t port, Microseconds deadline,
                    std::vector<Address>& addresses) {
  addresses.clear();
  Address numeric;
  if (parse_address(host, port, numeric)) {
    addresses.push_back(numeric);
    return {};
  }
  find_in_hosts(host, port, addresses);
  if (!addresses.empty()) return {};
  ResolverConfig config = read_resolv_conf();
  std::vector<std::string> names;
  if (host.find('.') == std::string::npos) {
    for (const std::string& domain : config.search) names.push_back(host + "." + domain);
  }
  names.push_back(host);
  std::string problem;
  for (const std::string& name : names) {
    for (DnsType type : {DnsType::a, DnsType::aaaa}) {
      problem = ask_all(config, name, type, port, deadline, addresses);
      if (!problem.empty()) return format("looking up '%s': %s", printable(host).c_str(), problem.c_str());
    }
    if (!addresses.empty()) return {};
  }
  return format("looking up '%s': there is no such host", printable(host).c_str());
}

std::string mac_towards(const Address& address) {
  UniqueFd fd{::socket(address.family(), SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  sockaddr_storage local{};
  socklen_t size = sizeof local;
  // Connecting a datagram socket sends nothing and chooses the route.
  if (!fd || ::connect(fd.get(), address.get(), address.size) != 0 ||
      ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&local), &size) != 0)
    return {};
  ifaddrs* all = nullptr;
  if (::getifaddrs(&all) != 0) return {};
  std::string mac;
  for (const ifaddrs* entry = all; entry != nullptr && mac.empty(); entry = entry->ifa_next) {
    if (entry->ifa_addr != nullptr && same_host(entry->ifa_addr, reinterpret_cast<sockaddr*>(&local)))
      mac = mac_of(entry->ifa_name);
  }
  ::freeifaddrs(all);
  return mac;
}

std::string boot_interface_mac(std::string_view token) {
  constexpr std::string_view kKey = "BOOTIF=";
  if (token.substr(0, kKey.size()) != kKey) return {};
  std::string mac{token.substr(kKey.size())};
  if (mac.size() == 20 && mac.compare(0, 2, "01") == 0) mac.erase(0, 3);  // the hardware type, Ethernet
  if (mac.size() != 17) return {};
  for (std::size_t i = 0; i < mac.size(); ++i) {
    if (i % 3 == 2) {
      if (mac[i] != '-' && mac[i] != ':') return {};
      mac[i] = ':';
    } else {
      if (mac[i] >= 'A' && mac[i] <= 'F') mac[i] = static_cast<char>(mac[i] + 32);
      if (!((mac[i] >= '0' && mac[i] <= '9') || (mac[i] >= 'a' && mac[i] <= 'f'))) return {};
    }
  }
  return mac;
}

}  // namespace guest
