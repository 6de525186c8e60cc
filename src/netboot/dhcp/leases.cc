#include "netboot/dhcp/leases.h"

#include "base/error.h"

namespace kiln::dhcp {
namespace {

/// FNV-1a: spreads clients over a range, and always the same way.
std::uint64_t hash_of(const std::string& text) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  return hash ^ hash >> 32;
}

}  // namespace

AddressRange AddressRange::parse(std::string_view text) {
  const std::size_t dash = text.find('-');
  const auto first = Ipv4Address::parse(text.substr(0, dash));
  const auto last = dash == text.npos ? first : Ipv4Address::parse(text.substr(dash + 1));
  if (!first || !last)
    throw Error{"address range ", quote(text), ": expected FIRST-LAST, as in 192.0.2.100-192.0.2.200"};
  if (*last < *first) throw Error{"address range ", quote(text), ": the last address is before the first"};
  return {*first, *last};
}

LeaseTable::LeaseTable(AddressRange range, std::set<Ipv4Address> reserved)
    : range_{range}, reserved_{std::move(reserved)} {}

bool LeaseTable::is_free(Ipv4Address address, const std::string& client, std::chrono::nanoseconds now) const {
  if (!range_.contains(address) || reserved_.count(address) > 0) return false;
  const auto found = by_address_.find(address);
  if (found == by_address_.end() || found->second.expires <= now) return true;
  return found->second.client == client && found->second.state != State::declined;
}

std::optional<Ipv4Address> LeaseTable::choose(const std::string& client, std::optional<Ipv4Address> wanted,
                                              std::chrono::nanoseconds now) const {
  const auto held = by_client_.find(client);
  if (held != by_client_.end() && is_free(held->second, client, now)) return held->second;
  if (wanted && is_free(*wanted, client, now)) return wanted;

  const std::uint64_t start = hash_of(client);
  std::optional<Ipv4Address> expired;  // another client's last address: the next best
  for (std::uint64_t i = 0; i < range_.size(); ++i) {
    const Ipv4Address address{range_.first.value + static_cast<std::uint32_t>((start + i) % range_.size())};
    if (!is_free(address, client, now)) continue;
    if (by_address_.count(address) == 0) return address;
    if (!expired) expired = address;
  }
  return expired;
}

/// Makes it the one lease of its client and of its address.
void LeaseTable::hold(const Lease& lease) {
  const auto before = by_address_.find(lease.address);
  if (before != by_address_.end() && before->second.client != lease.client) {
    const auto loser = by_client_.find(before->second.client);
    if (loser != by_client_.end() && loser->second == lease.address) by_client_.erase(loser);
  }
  const auto held = by_client_.find(lease.client);
  if (held != by_client_.end() && held->second != lease.address) {
    const auto old = by_address_.find(held->second);
    if (old != by_address_.end() && old->second.client == lease.client && old->second.state != State::declined) {
      by_address_.erase(old);
    }
  }
  by_address_.insert_or_assign(lease.address, lease);
  by_client_.insert_or_assign(lease.client, lease.address);
}

std::optional<Ipv4Address> LeaseTable::offer(const std::string& client, const HardwareAddress& hardware,
                                             std::optional<Ipv4Address> wanted, std::chrono::nanoseconds now) {
  const auto address = choose(client, wanted, now);
  if (!address) return std::nullopt;
  const auto current = find(client, now);
  // A client that is bound and asks again (it was reset) keeps what it has.
  if (!current || current->address != *address || current->state != State::bound) {
    hold({*address, client, hardware, State::offered, now + kOfferTime});
  }
  return address;
}

bool LeaseTable::bind(const std::string& client, const HardwareAddress& hardware, Ipv4Address address,
                      std::chrono::seconds time, std::chrono::nanoseconds now) {
  if (!is_free(address, client, now)) return false;
  hold({address, client, hardware, State::bound, now + time});
  return true;
}

bool LeaseTable::release(const std::string& client, Ipv4Address address) {
  const auto found = by_address_.find(address);
  if (found == by_address_.end() || found->second.client != client || found->second.state == State::declined) {
    return false;
  }
  found->second.expires = {};  // remembered, so that the client gets it again if nobody needs it before
  found->second.state = State::offered;
  return true;
}

bool LeaseTable::decline(const std::string& client, Ipv4Address address, std::chrono::nanoseconds now) {
  const auto found = by_address_.find(address);
  if (found == by_address_.end() || found->second.client != client) return false;
  found->second.state = State::declined;
  found->second.expires = now + kDeclineTime;
  const auto held = by_client_.find(client);
  if (held != by_client_.end() && held->second == address) by_client_.erase(held);
  return true;
}

void LeaseTable::withdraw(const std::string& client) {
  const auto held = by_client_.find(client);
  if (held == by_client_.end()) return;
  const auto found = by_address_.find(held->second);
  if (found == by_address_.end() || found->second.state != State::offered) return;
  by_address_.erase(found);
  by_client_.erase(held);
}

std::optional<LeaseTable::Lease> LeaseTable::find(const std::string& client, std::chrono::nanoseconds now) const {
  const auto held = by_client_.find(client);
  if (held == by_client_.end()) return std::nullopt;
  const auto found = by_address_.find(held->second);
  if (found == by_address_.end() || found->second.expires <= now) return std::nullopt;
  return found->second;
}

std::vector<LeaseTable::Lease> LeaseTable::leases(std::chrono::nanoseconds now) const {
  std::vector<Lease> out;
  for (const auto& [address, lease] : by_address_) {
    if (lease.expires > now) out.push_back(lease);
  }
  return out;
}

}  // namespace kiln::dhcp
