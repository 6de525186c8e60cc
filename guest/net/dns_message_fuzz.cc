#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "net/dns_message.h"

// Whatever a name server sends, reading it ends, with addresses of the right size.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view message{reinterpret_cast<const char*>(data), size};
  for (guest::DnsType type : {guest::DnsType::a, guest::DnsType::aaaa}) {
    guest::DnsAnswer answer;
    std::string query = guest::dns_query(0x1234, "a.example", type);
    (void)guest::parse_dns_answer(query, message, answer);
    // The fuzzer need not find the question: it is put before the records.
    std::string whole = query;
    whole[2] = '\x81';
    whole[7] = '\xff';
    whole += message;
    if (guest::parse_dns_answer(query, whole, answer).empty() && answer.addresses.size() > 16) std::abort();
    for (const std::string& address : answer.addresses) {
      if (address.size() != (type == guest::DnsType::a ? 4U : 16U)) std::abort();
    }
  }
  return 0;
}
