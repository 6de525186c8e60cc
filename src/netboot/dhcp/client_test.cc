#include "netboot/dhcp/client.h"

#include <gtest/gtest.h>

#include "netboot/dhcp/packet.h"

namespace kiln::dhcp {
namespace {

using namespace std::string_literals;

Packet from(std::map<Option, std::string> options) {
  Packet packet;
  packet.hardware = *HardwareAddress::parse("52:54:00:12:34:56");
  packet.options = std::move(options);
  return packet;
}

struct KindCase {
  const char* name;
  std::map<Option, std::string> options;
  Client::Kind kind;
  const char* description;
};

class ClientKind : public testing::TestWithParam<KindCase> {};

TEST_P(ClientKind, IsTold) {
  const Client client = Client::of(from(GetParam().options));
  EXPECT_EQ(client.kind, GetParam().kind);
  EXPECT_EQ(client.describe(), "52:54:00:12:34:56 ("s + GetParam().description + ")");
}

INSTANTIATE_TEST_SUITE_P(
    Dhcp, ClientKind,
    testing::Values(
        KindCase{"System", {{Option::vendor_class, "systemd"}}, Client::Kind::none, "no network boot"},
        KindCase{"Nothing", {}, Client::Kind::none, "no network boot"},
        KindCase{"Bios",
                 {{Option::vendor_class, "PXEClient:Arch:00000:UNDI:002001"}, {Option::client_architecture, "\0\0"s}},
                 Client::Kind::pxe,
                 "x86 BIOS, PXE"},
        KindCase{"Arm64",
                 {{Option::vendor_class, "PXEClient:Arch:00011:UNDI:003000"}, {Option::client_architecture, "\0\x0b"s}},
                 Client::Kind::pxe,
                 "arm64 UEFI, PXE"},
        KindCase{"X64AsByteCode",
                 {{Option::vendor_class, "PXEClient"}, {Option::client_architecture, "\0\x09"s}},
                 Client::Kind::pxe,
                 "x64 UEFI, PXE"},
        KindCase{"SeveralArchitectures",
                 {{Option::vendor_class, "PXEClient"}, {Option::client_architecture, "\0\x1b\0\x0b"s}},
                 Client::Kind::pxe,
                 "riscv64 UEFI, PXE"},
        KindCase{"UnknownArchitecture",
                 {{Option::vendor_class, "PXEClient"}, {Option::client_architecture, "\1\0"s}},
                 Client::Kind::pxe,
                 "architecture 256, PXE"},
        KindCase{"ArchitectureCutOff",
                 {{Option::vendor_class, "PXEClient"}, {Option::client_architecture, "\0"s}},
                 Client::Kind::pxe,
                 "PXE"},
        KindCase{
            "Http",
            {{Option::vendor_class, "HTTPClient:Arch:00019:UNDI:003000"}, {Option::client_architecture, "\0\x13"s}},
            Client::Kind::uefi_http,
            "arm64 UEFI HTTP boot"},
        KindCase{"RiscvHttp",
                 {{Option::vendor_class, "HTTPClient"}, {Option::client_architecture, "\0\x1c"s}},
                 Client::Kind::uefi_http,
                 "riscv64 UEFI HTTP boot"},
        KindCase{"Ipxe",
                 {{Option::vendor_class, "PXEClient:Arch:00011:UNDI:003010"},
                  {Option::client_architecture, "\0\x0b"s},
                  {Option::user_class, "iPXE"},
                  {Option::ipxe, "\xb1\5\1\x1a\xf4\x10\0\xeb\3\1\x15\1"s}},
                 Client::Kind::ipxe,
                 "arm64 UEFI, iPXE 1.21.1"},
        KindCase{"IpxeEncodedAsInRfc3004",
                 {{Option::vendor_class, "PXEClient"}, {Option::user_class, "\4iPXE\3lab"s}},
                 Client::Kind::ipxe,
                 "iPXE"},
        KindCase{"IpxeWithoutUserClass",
                 {{Option::vendor_class, "PXEClient"}, {Option::ipxe, "\xb0\1\1"s}},
                 Client::Kind::ipxe,
                 "iPXE"},
        KindCase{"OtherUserClass",
                 {{Option::vendor_class, "PXEClient"}, {Option::user_class, "gPXE"}},
                 Client::Kind::pxe,
                 "PXE"}),
    [](const auto& row) { return std::string{row.param.name}; });

TEST(Client, UuidIsWrittenAsSmbiosShowsIt) {
  const std::string bytes = "\0\x33\x22\x11\0\x55\x44\x77\x66\x88\x99\xaa\xbb\xcc\xdd\xee\xff"s;
  EXPECT_EQ(Client::of(from({{Option::client_uuid, bytes}})).uuid, "00112233-4455-6677-8899-aabbccddeeff");
  EXPECT_EQ(Client::of(from({{Option::client_uuid, std::string(17, '\0')}})).uuid, "");
  EXPECT_EQ(Client::of(from({{Option::client_uuid, "\0" + std::string(16, '\xFF')}})).uuid, "");
  EXPECT_EQ(Client::of(from({{Option::client_uuid, bytes.substr(0, 16)}})).uuid, "");
  EXPECT_EQ(Client::of(from({{Option::client_uuid, "\1" + bytes.substr(1)}})).uuid, "");
}

TEST(Client, TextsAreTaken) {
  const Client client = Client::of(from({{Option::vendor_class, "PXEClient\0\0"s},
                                         {Option::user_class, "\1a\2bc"s},
                                         {Option::host_name, "web-1"},
                                         {Option::client_identifier, "\1RT\0\0224V"s}}));
  EXPECT_EQ(client.vendor_class, "PXEClient");
  EXPECT_EQ(client.user_class, "a,bc");
  EXPECT_EQ(client.host_name, "web-1");
  EXPECT_EQ(client.client_identifier, "\1RT\0\0224V"s);
}

TEST(Client, RelayIsNamed) {
  Packet packet = from({});
  packet.relay = *Ipv4Address::parse("198.51.100.1");
  EXPECT_EQ(Client::of(packet).describe(), "52:54:00:12:34:56 (no network boot) through relay 198.51.100.1");
}

TEST(Architecture, NamesProcessors) {
  EXPECT_EQ(processor_of(Architecture::x86_bios), "amd64");
  EXPECT_EQ(processor_of(Architecture::x64_uefi_ebc), "amd64");
  EXPECT_EQ(processor_of(Architecture::arm64_uefi_http), "arm64");
  EXPECT_EQ(processor_of(Architecture::riscv64_uefi), "riscv64");
  EXPECT_EQ(processor_of(static_cast<Architecture>(77)), "");
  EXPECT_TRUE(is_http(Architecture::riscv64_uefi_http));
  EXPECT_FALSE(is_http(Architecture::riscv64_uefi));
}

}  // namespace
}  // namespace kiln::dhcp
