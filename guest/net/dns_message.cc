#include "net/dns_message.h"

#include <algorithm>

namespace guest {
namespace {

constexpr std::size_t kHeader = 12;
constexpr std::size_t kMaxAddresses = 16;

void put16(std::string& message, unsigned value) {
  message += static_cast<char>(value >> 8);
  message += static_cast<char>(value & 0xff);
}

unsigned get16(std::string_view message, std::size_t at) {
  return static_cast<unsigned>(static_cast<unsigned char>(message[at]) << 8 |
                               static_cast<unsigned char>(message[at + 1]));
}

/// Takes a name off `rest`. Where a compressed one points to is of no interest, so no pointer is followed.
bool skip_name(std::string_view& rest) {
  while (!rest.empty()) {
    auto length = static_cast<unsigned char>(rest[0]);
    std::size_t size = (length & 0xc0) == 0xc0 ? 2 : std::size_t{1} + length;
    if (((length & 0xc0) != 0 && (length & 0xc0) != 0xc0) || rest.size() < size) return false;
    rest.remove_prefix(size);
    if (length == 0 || (length & 0xc0) == 0xc0) return true;
  }
  return false;
}

char ascii_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

struct Record {
  unsigned type = 0;
  std::string_view data;
};

bool take_record(std::string_view& rest, Record& record) {
  constexpr std::size_t kFixed = 10;  // TYPE, CLASS, TTL, RDLENGTH
  if (!skip_name(rest) || rest.size() < kFixed) return false;
  std::size_t length = get16(rest, 8);
  if (rest.size() - kFixed < length) return false;
  record = {get16(rest, 0), rest.substr(kFixed, length)};
  rest.remove_prefix(kFixed + length);
  return true;
}

}  // namespace

std::string dns_query(std::uint16_t id, std::string_view name, DnsType type) {
  if (!name.empty() && name.back() == '.') name.remove_suffix(1);
  if (name.empty() || name.size() > 253) return {};
  std::string message;
  put16(message, id);
  put16(message, 0x0100);  // recursion desired
  put16(message, 1);       // one question
  for (int count = 0; count < 3; ++count) put16(message, 0);
  while (true) {
    std::size_t dot = name.find('.');
    std::string_view label = name.substr(0, dot);
    if (label.empty() || label.size() > 63) return {};
    message += static_cast<char>(label.size());
    message += label;
    if (dot == std::string_view::npos) break;
    name.remove_prefix(dot + 1);
  }
  message += '\0';
  put16(message, static_cast<unsigned>(type));
  put16(message, 1);  // IN
  return message;
}

std::string parse_dns_answer(std::string_view query, std::string_view message, DnsAnswer& answer) {
  answer = DnsAnswer{};
  if (query.size() < kHeader + 5 || message.size() < query.size()) return "the answer is too short";
  bool ours = message.substr(0, 2) == query.substr(0, 2) && (get16(message, 2) & 0x8000) != 0 && get16(message, 4) == 1;
  // Servers may change the case of the name.
  auto same = [](char a, char b) { return ascii_lower(a) == ascii_lower(b); };
  if (!ours || !std::equal(query.begin() + kHeader, query.end(), message.begin() + kHeader, same))
    return "it answers no question of ours";
  answer.code = static_cast<int>(get16(message, 2) & 0xf);
  unsigned wanted = get16(query, query.size() - 4);
  std::string_view rest = message.substr(query.size());
  for (unsigned count = get16(message, 6); count > 0; --count) {
    Record record;
    if (!take_record(rest, record)) return "a record reaches beyond the answer";
    bool good = record.type == wanted && record.data.size() == (wanted == static_cast<unsigned>(DnsType::a) ? 4U : 16U);
    if (good && answer.addresses.size() < kMaxAddresses) answer.addresses.emplace_back(record.data);
  }
  return {};
}

}  // namespace guest
