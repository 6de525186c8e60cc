#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace guest {

/// The two kinds of records the guest asks for (RFC 1035, RFC 3596).
enum class DnsType : std::uint16_t { a = 1, aaaa = 28 };

/// A question for `name`; empty if that is no name (labels of 1 to 63 bytes, 253 in all).
std::string dns_query(std::uint16_t id, std::string_view name, DnsType type);

struct DnsAnswer {
  int code = 0;                        ///< RCODE: 0 good, 3 no such name
  std::vector<std::string> addresses;  ///< 4 or 16 bytes each, as they go into a sockaddr
};

/// Reads the answer to `query`, whose question it must repeat. Addresses of aliases (CNAME) count: a recursive server
/// puts them there. Returns an empty string, or what is wrong.
std::string parse_dns_answer(std::string_view query, std::string_view message, DnsAnswer& answer);

}  // namespace guest
