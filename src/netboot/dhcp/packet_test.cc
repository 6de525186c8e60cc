#include "netboot/dhcp/packet.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace kiln::dhcp {
namespace {

using namespace std::string_literals;

/// A header of 240 bytes as a client sends it, and these options.
std::string datagram(const std::string& options) {
  std::string out(240, '\0');
  out[0] = 1;
  out[1] = 1;
  out[2] = 6;
  out.replace(4, 4, "\x12\x34\x56\x78"s);
  out.replace(10, 2, "\x80\0"s);
  out.replace(28, 6, "\x52\x54\0\x12\x34\x56"s);
  out.replace(236, 4, "\x63\x82\x53\x63"s);
  return out + options;
}

Packet parse(const std::string& text) { return Packet::parse(as_bytes(text)); }

TEST(DhcpPacket, HasHeaderAndOptions) {
  std::string text = datagram("\x35\1\1\0\0\x5d\2\0\x0b\xff"s);
  text.replace(12, 4, "\xC0\0\2\7"s);
  text.replace(24, 4, "\xC0\0\2\xFE"s);
  text.replace(108, 5, "a.efi"s);
  text.replace(44, 4, "host"s);
  const Packet packet = parse(text);
  EXPECT_EQ(packet.transaction, 0x12345678U);
  EXPECT_TRUE(packet.wants_broadcast());
  EXPECT_EQ(packet.hardware.to_string(), "52:54:00:12:34:56");
  EXPECT_EQ(packet.client.to_string(), "192.0.2.7");
  EXPECT_EQ(packet.relay.to_string(), "192.0.2.254");
  EXPECT_EQ(packet.file, "a.efi");
  EXPECT_EQ(packet.server_name, "host");
  EXPECT_EQ(packet.message_type(), MessageType::discover);
  EXPECT_EQ(packet.u16_option(Option::client_architecture), 11);
  EXPECT_EQ(packet.options.size(), 2U);
}

TEST(DhcpPacket, JoinsOptionsInPieces) {
  EXPECT_EQ(parse(datagram("\x43\3abc\x35\1\1\x43\2de\xff"s)).option(Option::boot_file_name), "abcde");
}

TEST(DhcpPacket, ReadsOptionsFromLentFields) {
  std::string text = datagram("\x34\1\3\x35\1\1\x43\1a\xff"s);
  text.replace(108, 8, "\x43\2bc\x3c\1x\xff"s);
  text.replace(44, 6, "\x43\3def\xff"s);
  const Packet packet = parse(text);
  EXPECT_EQ(packet.option(Option::boot_file_name), "abcdef") << "options, then file, then sname: RFC 3396";
  EXPECT_EQ(packet.option(Option::vendor_class), "x");
  EXPECT_EQ(packet.file, "");
  EXPECT_EQ(packet.server_name, "");
  EXPECT_FALSE(packet.option(Option::overload));
}

TEST(DhcpPacket, NeedsNoEnd) { EXPECT_EQ(parse(datagram("\x35\1\3"s)).message_type(), MessageType::request); }

struct BadCase {
  const char* name;
  std::string datagram;
  const char* message;
};

class BadDhcp : public testing::TestWithParam<BadCase> {};

TEST_P(BadDhcp, IsExplained) {
  try {
    parse(GetParam().datagram);
    FAIL() << "was accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.message(), GetParam().message);
  }
}

std::string changed(std::string text, std::size_t at, const std::string& bytes) {
  return text.replace(at, bytes.size(), bytes);
}

INSTANTIATE_TEST_SUITE_P(
    Dhcp, BadDhcp,
    testing::Values(
        BadCase{"Empty", "", "datagram of 0 bytes; a DHCP message has at least 240"},
        BadCase{"Short", datagram("").substr(0, 239), "datagram of 239 bytes; a DHCP message has at least 240"},
        BadCase{"NoCookie", changed(datagram(""), 236, "\0\0\0\0"s),
                "no DHCP message: the magic cookie at byte 236 is missing"},
        BadCase{"Op", changed(datagram(""), 0, "\7"), "op is 7, expected 1 or 2"},
        BadCase{"HardwareAddress", changed(datagram(""), 2, "\x11"), "hardware address of 17 bytes; its field has 16"},
        BadCase{"OptionWithoutLength", datagram("\x35"), "option 53 at byte 240 has no length"},
        BadCase{"OptionTooLong", datagram("\x35\1\1\x5d\x09\1\2\3"),
                "option 93 at byte 243 says 9 bytes, but 3 are left of its field"},
        BadCase{"OptionLeavesTheFileField", changed(datagram("\x34\1\1\xff"), 108, "\x43\x80"),
                "option 67 at byte 108 says 128 bytes, but 126 are left of its field"},
        BadCase{"Overload", datagram("\x34\1\4\xff"), "option 52 (overload) must be one byte of 1 to 3"}),
    [](const auto& row) { return std::string{row.param.name}; });

Packet reply() {
  Packet packet;
  packet.op = Packet::kBootReply;
  packet.hardware = *HardwareAddress::parse("52:54:00:12:34:56");
  packet.transaction = 0xDEADBEEF;
  packet.flags = Packet::kBroadcast;
  packet.yours = *Ipv4Address::parse("192.0.2.100");
  packet.next_server = *Ipv4Address::parse("192.0.2.1");
  packet.file = "ipxe-arm64.efi";
  packet.set(Option::subnet_mask, *Ipv4Address::parse("255.255.255.0"));
  packet.set(Option::server_identifier, *Ipv4Address::parse("192.0.2.1"));
  packet.set_u8(Option::message_type, 2);
  packet.set(Option::vendor_class, "PXEClient");
  return packet;
}

TEST(DhcpPacket, IsWrittenWithTypeAndServerFirstIn300Bytes) {
  const std::string text = reply().serialize();
  EXPECT_EQ(text.size(), 300U);
  EXPECT_EQ(text.substr(240, 9), "\x35\1\2\x36\4\xC0\0\2\1"s);
  EXPECT_EQ(parse(text), reply());
}

TEST(DhcpPacket, SplitsLongOptions) {
  Packet packet = reply();
  packet.set(Option::vendor_specific, std::string(600, 'x'));
  EXPECT_EQ(parse(packet.serialize()), packet);
}

TEST(DhcpPacket, LendsFieldsIfThereIsNoOtherRoom) {
  Packet packet = reply();
  packet.file.clear();
  packet.set(Option::domain_name, std::string(200, 'd'));
  packet.set(Option::vendor_specific, std::string(50, 'v'));
  packet.set(Option::boot_file_name, std::string(100, 'f'));
  const std::string text = packet.serialize(548);
  EXPECT_LE(text.size(), 548U);
  EXPECT_EQ(parse(text), packet);
}

TEST(DhcpPacket, SaysIfItDoesNotFit) {
  Packet packet = reply();
  packet.set(Option::domain_name, std::string(400, 'd'));
  try {
    packet.serialize(548);
    FAIL() << "was written";
  } catch (const Error& error) {
    EXPECT_EQ(error.message(), "DHCP message of 671 bytes; the client takes 548");
  }
}

TEST(Addresses, AreReadAndWritten) {
  EXPECT_EQ(Ipv4Address::parse("192.0.2.7")->to_string(), "192.0.2.7");
  for (const char* bad : {"", "192.0.2", "192.0.2.256", "192.0.2.7 ", "::1"})
    EXPECT_FALSE(Ipv4Address::parse(bad)) << bad;
  EXPECT_EQ(HardwareAddress::parse("52-54-00-Ab-cD-ef")->to_string(), "52:54:00:ab:cd:ef");
  for (const char* bad : {"", "52:54:00:12:34", "52:54:00:12:34:5g", "52.54.00.12.34.56"}) {
    EXPECT_FALSE(HardwareAddress::parse(bad)) << bad;
  }
}

}  // namespace
}  // namespace kiln::dhcp
