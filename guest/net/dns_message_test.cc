#include "net/dns_message.h"

#include <gtest/gtest.h>

namespace guest {
namespace {

using namespace std::string_literals;

const std::string kQuery = dns_query(0x1234, "a.example", DnsType::a);
const std::string kQuestion =
    "\x01"
    "a\x07"
    "example\0\0\1\0\1"s;

std::string answer_of(const std::string& flags, int count, const std::string& records) {
  return "\x12\x34"s + flags + "\0\1"s + '\0' + static_cast<char>(count) + "\0\0\0\0"s + kQuestion + records;
}

const std::string kAlias = "\xc0\x0c\0\5\0\1\0\0\0\1\0\4\1b\xc0\x0e"s;
const std::string kAddress = "\xc0\x2b\0\1\0\1\0\0\0\1\0\4\x0a\0\0\1"s;

TEST(Dns, Query) {
  EXPECT_EQ(kQuery, "\x12\x34\1\0\0\1\0\0\0\0\0\0"s + kQuestion);
  EXPECT_EQ(dns_query(0x1234, "a.example.", DnsType::a), kQuery);
  for (const std::string& bad : {""s, "."s, "a..b"s, ".a"s, std::string(64, 'x'), std::string(300, 'x')})
    EXPECT_EQ(dns_query(1, bad, DnsType::a), "") << bad;
}

TEST(Dns, AddressBehindAnAlias) {
  DnsAnswer answer;
  EXPECT_EQ(parse_dns_answer(kQuery, answer_of("\x81\x80"s, 2, kAlias + kAddress), answer), "");
  EXPECT_EQ(answer.code, 0);
  EXPECT_EQ(answer.addresses, (std::vector<std::string>{"\x0a\0\0\1"s}));
}

TEST(Dns, NoSuchName) {
  DnsAnswer answer;
  EXPECT_EQ(parse_dns_answer(kQuery, answer_of("\x81\x83"s, 0, ""), answer), "");
  EXPECT_EQ(answer.code, 3);
  EXPECT_TRUE(answer.addresses.empty());
}

TEST(Dns, RefusesWhatIsNoAnswer) {
  DnsAnswer answer;
  std::string good = answer_of("\x81\x80"s, 1, kAddress);
  std::string other_id = good;
  other_id[0] = '\x13';
  std::string other_name = good;
  other_name[13] = 'b';
  std::string upper = good;
  upper[13] = 'A';
  EXPECT_EQ(parse_dns_answer(kQuery, other_id, answer), "it answers no question of ours");
  EXPECT_EQ(parse_dns_answer(kQuery, kQuery, answer), "it answers no question of ours");
  EXPECT_EQ(parse_dns_answer(kQuery, other_name, answer), "it answers no question of ours");
  EXPECT_EQ(parse_dns_answer(kQuery, upper, answer), "");
  EXPECT_EQ(parse_dns_answer(kQuery, "\x12", answer), "the answer is too short");
  for (std::size_t cut = 1; cut < kAddress.size(); ++cut)
    EXPECT_EQ(parse_dns_answer(kQuery, good.substr(0, good.size() - cut), answer),
              "a record reaches beyond the answer");
}

}  // namespace
}  // namespace guest
