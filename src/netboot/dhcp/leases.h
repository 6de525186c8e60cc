#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "netboot/dhcp/address.h"

namespace kiln::dhcp {

/// Addresses first to last, both included.
struct AddressRange {
  Ipv4Address first;
  Ipv4Address last;

  /// From "192.0.2.100-192.0.2.200"; throws Error.
  static AddressRange parse(std::string_view text);
  bool contains(Ipv4Address address) const { return first <= address && address <= last; }
  std::uint32_t size() const { return last.value - first.value + 1; }
};

/// Who has which address. A client's first address is computed from its identity, so it gets the same one again even
/// from a server that was restarted and has forgotten it, as long as nobody else took it. Times are those of a Clock.
class LeaseTable {
 public:
  enum class State {
    offered,   ///< held for a client that was made an offer
    bound,     ///< acknowledged
    declined,  ///< a client found somebody else using it
  };
  struct Lease {
    Ipv4Address address;
    std::string client;  ///< the key it was given under
    HardwareAddress hardware;
    State state = State::offered;
    std::chrono::nanoseconds expires{};
  };

  static constexpr std::chrono::seconds kOfferTime{60};    ///< slow firmware asks for what it chose within seconds
  static constexpr std::chrono::minutes kDeclineTime{10};  ///< how long a declined address is left alone

  /// `reserved` are never given out: the server's own address, the router's.
  LeaseTable(AddressRange range, std::set<Ipv4Address> reserved);

  /// Holds an address for a client: the one it has, had or `wanted`, if free. Nothing if all are taken.
  std::optional<Ipv4Address> offer(const std::string& client, const HardwareAddress& hardware,
                                   std::optional<Ipv4Address> wanted, std::chrono::nanoseconds now);
  /// Binds `address` to the client for `time`. False if it is not to be had: outside the range, reserved, another's.
  /// One that nobody holds is given to who asks for it: it was bound before the server was restarted.
  bool bind(const std::string& client, const HardwareAddress& hardware, Ipv4Address address, std::chrono::seconds time,
            std::chrono::nanoseconds now);
  /// False if the client does not hold it.
  bool release(const std::string& client, Ipv4Address address);
  bool decline(const std::string& client, Ipv4Address address, std::chrono::nanoseconds now);
  /// Drops what was offered to the client: it chose another server.
  void withdraw(const std::string& client);

  std::optional<Lease> find(const std::string& client, std::chrono::nanoseconds now) const;
  std::vector<Lease> leases(std::chrono::nanoseconds now) const;  ///< those not expired, by address
  const AddressRange& range() const { return range_; }

 private:
  bool is_free(Ipv4Address address, const std::string& client, std::chrono::nanoseconds now) const;
  std::optional<Ipv4Address> choose(const std::string& client, std::optional<Ipv4Address> wanted,
                                    std::chrono::nanoseconds now) const;
  void hold(const Lease& lease);

  AddressRange range_;
  std::set<Ipv4Address> reserved_;
  std::map<Ipv4Address, Lease> by_address_;  // an expired one stays until its address is needed
  std::map<std::string, Ipv4Address> by_client_;
};

}  // namespace kiln::dhcp
