#include "netboot/dhcp/responder.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace kiln::dhcp {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using Kind = Event::Kind;

Ipv4Address ip(const char* text) { return *Ipv4Address::parse(text); }
const Ipv4Address kServer = ip("192.0.2.1");

enum class Who { system, bios, arm64, http, ipxe };

Packet message(Who who, MessageType type) {
  Packet packet;
  packet.hardware = *HardwareAddress::parse("52:54:00:12:34:56");
  packet.transaction = 7;
  packet.flags = Packet::kBroadcast;
  packet.set_u8(Option::message_type, static_cast<std::uint8_t>(type));
  if (who == Who::system) return packet;
  const bool http = who == Who::http;
  packet.set(Option::vendor_class, http ? "HTTPClient:Arch:00019:UNDI:003000" : "PXEClient:Arch:00011:UNDI:003000");
  packet.set(Option::client_architecture, who == Who::bios ? "\0\0"s : http ? "\0\x13"s : "\0\x0b"s);
  packet.set(Option::client_uuid, "\0" + std::string(16, 'u'));
  if (who == Who::ipxe) packet.set(Option::user_class, "iPXE");
  return packet;
}

BootChoice choose(const Client& client) {
  switch (client.kind) {
    case Client::Kind::ipxe:
      return BootFile{"http://192.0.2.1/boot.ipxe", {}};
    case Client::Kind::uefi_http:
      return NoBoot{"asked for arm64 HTTP boot but no UKI was built"};
    default:
      return BootFile{"ipxe.efi", ip("192.0.2.9")};
  }
}

ResponderOptions proxy_options() { return {kServer, {}}; }

ResponderOptions full_options() {
  LeaseOptions leases;
  leases.range = AddressRange::parse("192.0.2.100-192.0.2.101");
  leases.netmask = ip("255.255.255.0");
  leases.router = ip("192.0.2.254");
  leases.name_servers = {ip("192.0.2.53"), ip("192.0.2.54")};
  leases.domain = "example.org";
  leases.time = 600s;
  return {kServer, leases};
}

struct Rig {
  explicit Rig(ResponderOptions options, ChooseBoot choose_boot = choose) : responder{options, choose_boot} {}
  Responder::Result operator()(const Packet& packet, std::uint16_t port = 67, Destination source = {{}, 68}) {
    return responder.respond({packet, port, source}, now);
  }
  Responder responder;
  std::chrono::nanoseconds now = 1s;
};

std::string_view option(const Responder::Result& result, Option code) {
  return result.reply->packet.option(code).value_or("(none)");
}

// Proxy

TEST(Proxy, OffersBiosItsFileWithDiscoveryControl) {
  Rig proxy{proxy_options()};
  const auto result = proxy(message(Who::bios, MessageType::discover));
  ASSERT_TRUE(result.reply);
  const Packet& packet = result.reply->packet;
  EXPECT_EQ(packet.op, Packet::kBootReply);
  EXPECT_EQ(packet.message_type(), MessageType::offer);
  EXPECT_EQ(packet.transaction, 7U);
  EXPECT_TRUE(packet.yours.is_none());
  EXPECT_EQ(packet.next_server, ip("192.0.2.9"));
  EXPECT_EQ(packet.file, "ipxe.efi");
  EXPECT_EQ(packet.address_option(Option::server_identifier), kServer);
  EXPECT_EQ(option(result, Option::vendor_class), "PXEClient");
  EXPECT_EQ(option(result, Option::vendor_specific), "\6\1\10\xff"s);
  EXPECT_EQ(option(result, Option::client_uuid), "\0" + std::string(16, 'u'));
  EXPECT_FALSE(packet.option(Option::lease_time));
  EXPECT_EQ(result.reply->destination, (Destination{kEveryone, 68}));
  EXPECT_EQ(result.event.kind, Kind::offered);
  EXPECT_EQ(result.event.describe(),
            "DHCPDISCOVER from 52:54:00:12:34:56 (x86 BIOS, PXE): offered 'ipxe.efi' from 192.0.2.9");
}

TEST(Proxy, HasUefiAskAgainOnPort4011) {
  Rig proxy{proxy_options()};
  const auto offer = proxy(message(Who::arm64, MessageType::discover));
  ASSERT_TRUE(offer.reply);
  EXPECT_EQ(option(offer, Option::vendor_specific), "(none)");
  EXPECT_EQ(offer.reply->packet.next_server, kServer) << "edk2 asks this address on port 4011";

  Packet request = message(Who::arm64, MessageType::request);
  request.client = ip("192.0.2.77");
  request.flags = 0;
  const auto ack = proxy(request, 4011, {ip("192.0.2.77"), 4011});
  ASSERT_TRUE(ack.reply);
  EXPECT_EQ(ack.reply->packet.message_type(), MessageType::ack);
  EXPECT_EQ(ack.reply->packet.client, ip("192.0.2.77"));
  EXPECT_EQ(ack.reply->packet.next_server, ip("192.0.2.9"));
  EXPECT_EQ(ack.reply->packet.file, "ipxe.efi");
  EXPECT_EQ(ack.reply->destination, (Destination{ip("192.0.2.77"), 4011}));
  EXPECT_EQ(
      ack.event.describe(),
      "DHCPREQUEST from 52:54:00:12:34:56 (arm64 UEFI, PXE) on port 4011: acknowledged 'ipxe.efi' from 192.0.2.9");
}

TEST(Proxy, RepeatsTheBootItem) {
  Rig proxy{proxy_options()};
  Packet request = message(Who::bios, MessageType::request);
  request.client = ip("192.0.2.77");
  request.set(Option::vendor_specific, "\x47\4\0\1\0\0\xff"s);
  const auto ack = proxy(request, 4011, {ip("192.0.2.77"), 68});
  EXPECT_EQ(option(ack, Option::vendor_specific), "\6\1\10\x47\4\0\1\0\0\xff"s);
}

TEST(Proxy, OffersIpxeItsScript) {
  Rig proxy{proxy_options()};
  const auto result = proxy(message(Who::ipxe, MessageType::discover));
  ASSERT_TRUE(result.reply);
  EXPECT_EQ(result.reply->packet.file, "http://192.0.2.1/boot.ipxe");
  EXPECT_EQ(result.reply->packet.next_server, kServer) << "iPXE takes no file from a proxy without a next server";
  EXPECT_EQ(option(result, Option::vendor_class), "PXEClient");
  EXPECT_EQ(result.event.describe(),
            "DHCPDISCOVER from 52:54:00:12:34:56 (arm64 UEFI, iPXE): offered 'http://192.0.2.1/boot.ipxe'");
}

TEST(Proxy, OffersHttpBootAUrl) {
  Rig proxy{proxy_options(), [](const Client&) { return BootFile{"http://192.0.2.1/uki.efi", {}}; }};
  const auto result = proxy(message(Who::http, MessageType::discover));
  ASSERT_TRUE(result.reply);
  EXPECT_EQ(option(result, Option::vendor_class), "HTTPClient");
  EXPECT_EQ(option(result, Option::boot_file_name), "http://192.0.2.1/uki.efi\0"s);
  EXPECT_EQ(option(result, Option::vendor_specific), "(none)");
}

TEST(Proxy, TellsWhyThereIsNothing) {
  Rig proxy{proxy_options()};
  const auto result = proxy(message(Who::http, MessageType::discover));
  EXPECT_FALSE(result.reply);
  EXPECT_EQ(result.event.kind, Kind::nothing_to_boot);
  EXPECT_EQ(
      result.event.describe(),
      "DHCPDISCOVER from 52:54:00:12:34:56 (arm64 UEFI HTTP boot): offered nothing: asked for arm64 HTTP boot but "
      "no UKI was built");
}

TEST(Proxy, LeavesOthersAlone) {
  Rig proxy{proxy_options()};
  EXPECT_EQ(proxy(message(Who::system, MessageType::discover)).event.reason, "did not ask for network boot");
  EXPECT_EQ(proxy(message(Who::arm64, MessageType::request)).event.reason,
            "a matter of the DHCP server that gives out addresses");
  EXPECT_EQ(proxy(message(Who::system, MessageType::request), 4011).event.reason, "did not ask for network boot");
  Packet other = message(Who::arm64, MessageType::request);
  other.set(Option::server_identifier, ip("192.0.2.8"));
  EXPECT_EQ(proxy(other, 4011).event.reason, "asks another boot server");
  Packet reply = message(Who::arm64, MessageType::offer);
  reply.op = Packet::kBootReply;
  EXPECT_EQ(proxy(reply).event.reason, "no request");
  Packet bootp = message(Who::arm64, MessageType::discover);
  bootp.options.erase(Option::message_type);
  EXPECT_FALSE(proxy(bootp).reply);
  EXPECT_FALSE(proxy(message(Who::arm64, MessageType::nak)).reply);
  EXPECT_FALSE(proxy(message(Who::arm64, MessageType::nak), 4011).reply);
}

TEST(Proxy, AnswersRelays) {
  Rig proxy{proxy_options()};
  Packet discover = message(Who::bios, MessageType::discover);
  discover.relay = ip("198.51.100.1");
  discover.set(Option::relay_agent_information, "\1\4port"s);
  const auto result = proxy(discover);
  ASSERT_TRUE(result.reply);
  EXPECT_EQ(result.reply->destination, (Destination{ip("198.51.100.1"), 67}));
  EXPECT_EQ(result.reply->packet.relay, ip("198.51.100.1"));
  EXPECT_EQ(option(result, Option::relay_agent_information), "\1\4port"s);
}

TEST(Proxy, PutsLongNamesIntoTheOption) {
  const std::string url = "http://192.0.2.1/" + std::string(200, 'a');
  Rig proxy{proxy_options(), [&](const Client&) { return BootFile{url, {}}; }};
  const auto result = proxy(message(Who::ipxe, MessageType::discover));
  EXPECT_EQ(result.reply->packet.file, "");
  EXPECT_EQ(option(result, Option::boot_file_name), url);
  EXPECT_NO_THROW(result.reply->packet.serialize(result.reply->most));
}

// Full

TEST(Full, GivesAnAddressWithAllThatGoesWithIt) {
  Rig full{full_options()};
  const auto offer = full(message(Who::arm64, MessageType::discover));
  ASSERT_TRUE(offer.reply);
  const Packet& packet = offer.reply->packet;
  const Ipv4Address address = packet.yours;
  EXPECT_TRUE(full_options().leases->range.contains(address));
  EXPECT_EQ(packet.address_option(Option::subnet_mask), ip("255.255.255.0"));
  EXPECT_EQ(packet.address_option(Option::router), ip("192.0.2.254"));
  EXPECT_EQ(option(offer, Option::domain_name_server), "\xC0\0\2\x35\xC0\0\2\x36"s);
  EXPECT_EQ(option(offer, Option::domain_name), "example.org");
  EXPECT_EQ(option(offer, Option::lease_time), "\0\0\2\x58"s);
  EXPECT_EQ(option(offer, Option::vendor_class), "PXEClient");
  EXPECT_EQ(option(offer, Option::vendor_specific), "\6\1\10\xff"s);
  EXPECT_EQ(packet.file, "ipxe.efi");

  Packet request = message(Who::arm64, MessageType::request);
  request.set(Option::server_identifier, kServer);
  request.set(Option::requested_address, address);
  const auto ack = full(request);
  ASSERT_TRUE(ack.reply);
  EXPECT_EQ(ack.reply->packet.message_type(), MessageType::ack);
  EXPECT_EQ(ack.reply->packet.yours, address);
  EXPECT_EQ(ack.event.describe(), "DHCPREQUEST from 52:54:00:12:34:56 (arm64 UEFI, PXE): acknowledged " +
                                      address.to_string() + ", 'ipxe.efi' from 192.0.2.9");
  ASSERT_EQ(full.responder.leases(full.now).size(), 1U);

  const auto ipxe = full(message(Who::ipxe, MessageType::discover));
  EXPECT_EQ(ipxe.reply->packet.yours, address) << "iPXE in the same machine";
}

TEST(Full, GivesAddressesToThoseThatDoNotBoot) {
  Rig full{full_options()};
  const auto offer = full(message(Who::system, MessageType::discover));
  ASSERT_TRUE(offer.reply);
  EXPECT_FALSE(offer.reply->packet.yours.is_none());
  EXPECT_EQ(offer.reply->packet.file, "");
  EXPECT_EQ(option(offer, Option::vendor_class), "(none)");
  EXPECT_FALSE(offer.event.boot);
}

TEST(Full, TellsWhyThereIsNothingToBoot) {
  Rig full{full_options()};
  const auto offer = full(message(Who::http, MessageType::discover));
  ASSERT_TRUE(offer.reply);
  EXPECT_EQ(offer.event.describe(), "DHCPDISCOVER from 52:54:00:12:34:56 (arm64 UEFI HTTP boot): offered " +
                                        offer.reply->packet.yours.to_string() +
                                        ", nothing to boot: asked for arm64 HTTP boot but no UKI was built");
}

TEST(Full, RenewsByUnicast) {
  Rig full{full_options()};
  Packet request = message(Who::system, MessageType::request);
  request.flags = 0;
  request.client = ip("192.0.2.100");  // unknown here: the server was restarted
  const auto ack = full(request);
  ASSERT_TRUE(ack.reply);
  EXPECT_EQ(ack.reply->packet.message_type(), MessageType::ack);
  EXPECT_EQ(ack.reply->packet.yours, ip("192.0.2.100"));
  EXPECT_EQ(ack.reply->packet.client, ip("192.0.2.100"));
  EXPECT_EQ(ack.reply->destination, (Destination{ip("192.0.2.100"), 68}));
}

Packet reboot(const char* address) {  // INIT-REBOOT
  Packet request = message(Who::system, MessageType::request);
  request.set(Option::requested_address, ip(address));
  return request;
}

TEST(Full, RefusesWhatIsNotToBeHad) {
  Rig full{full_options()};
  ASSERT_TRUE(full(reboot("192.0.2.100")).reply);
  Packet other = reboot("192.0.2.100");
  other.hardware = *HardwareAddress::parse("52:54:00:00:00:02");
  const auto nak = full(other);
  ASSERT_TRUE(nak.reply);
  EXPECT_EQ(nak.reply->packet.message_type(), MessageType::nak);
  EXPECT_TRUE(nak.reply->packet.yours.is_none());
  EXPECT_EQ(nak.reply->destination, (Destination{kEveryone, 68}));
  EXPECT_EQ(option(nak, Option::message), "192.0.2.100 is not to be had");
  EXPECT_EQ(nak.event.describe(),
            "DHCPREQUEST from 52:54:00:00:00:02 (no network boot): refused 192.0.2.100: "
            "192.0.2.100 is not to be had");

  EXPECT_EQ(full(reboot("203.0.113.5")).event.reason, "203.0.113.5 is not of this network");
  const auto others = full(reboot("192.0.2.50"));
  EXPECT_FALSE(others.reply) << "may be another server's";
  EXPECT_EQ(others.event.reason, "192.0.2.50 was not given out here");
}

TEST(Full, IgnoresWhatIsForOtherServers) {
  Rig full{full_options()};
  const auto offer = full(message(Who::system, MessageType::discover));
  Packet request = message(Who::system, MessageType::request);
  request.set(Option::server_identifier, ip("192.0.2.8"));
  request.set(Option::requested_address, ip("192.0.2.50"));
  const auto result = full(request);
  EXPECT_FALSE(result.reply);
  EXPECT_EQ(result.event.reason, "took the offer of 192.0.2.8");
  EXPECT_TRUE(full.responder.leases(full.now).empty()) << "the offer is withdrawn";
}

TEST(Full, RunsOutOfAddresses) {
  Rig full{full_options()};
  for (int i = 0; i < 3; ++i) {
    Packet discover = message(Who::system, MessageType::discover);
    discover.hardware.bytes[5] = static_cast<std::uint8_t>(i);
    const auto result = full(discover);
    EXPECT_EQ(result.reply.has_value(), i < 2);
    if (i == 2) {
      EXPECT_EQ(result.event.reason, "no address of the range is free");
    }
  }
}

TEST(Full, TakesBackAndHearsOfConflicts) {
  Rig full{full_options()};
  ASSERT_TRUE(full(reboot("192.0.2.100")).reply);
  Packet release = message(Who::system, MessageType::release);
  release.client = ip("192.0.2.100");
  release.set(Option::server_identifier, kServer);
  EXPECT_EQ(full(release).event.kind, Kind::released);
  EXPECT_TRUE(full.responder.leases(full.now).empty());

  ASSERT_TRUE(full(reboot("192.0.2.101")).reply);
  Packet decline = message(Who::system, MessageType::decline);
  decline.set(Option::requested_address, ip("192.0.2.101"));
  decline.set(Option::server_identifier, kServer);
  const auto declined = full(decline);
  EXPECT_EQ(declined.event.kind, Kind::declined);
  EXPECT_EQ(declined.event.reason, "another machine uses 192.0.2.101");
  EXPECT_EQ(full(message(Who::system, MessageType::discover)).reply->packet.yours, ip("192.0.2.100"));
}

TEST(Full, InformsWithoutALease) {
  Rig full{full_options()};
  Packet inform = message(Who::ipxe, MessageType::inform);
  inform.client = ip("192.0.2.33");
  const auto ack = full(inform);
  ASSERT_TRUE(ack.reply);
  EXPECT_TRUE(ack.reply->packet.yours.is_none());
  EXPECT_FALSE(ack.reply->packet.option(Option::lease_time));
  EXPECT_EQ(ack.reply->packet.file, "http://192.0.2.1/boot.ipxe");
  EXPECT_EQ(ack.reply->destination, (Destination{ip("192.0.2.33"), 68}));
  EXPECT_TRUE(full.responder.leases(full.now).empty());
}

TEST(Full, HasNothingForOtherNetworksRelays) {
  Rig full{full_options()};
  Packet discover = message(Who::bios, MessageType::discover);
  discover.relay = ip("198.51.100.1");
  EXPECT_EQ(full(discover).event.reason, "came through relay 198.51.100.1, and there are no addresses for its network");
}

TEST(Full, NeedsSomethingToKnowAClientBy) {
  Rig full{full_options()};
  Packet discover = message(Who::system, MessageType::discover);
  discover.hardware.size = 0;
  EXPECT_FALSE(full(discover).reply);
  discover.set(Option::client_identifier, "infiniband");
  EXPECT_TRUE(full(discover).reply);
}

TEST(Full, HeedsTheSizeAClientTakes) {
  Rig full{full_options()};
  Packet discover = message(Who::bios, MessageType::discover);
  EXPECT_EQ(full(discover).reply->most, 548U);
  discover.set(Option::maximum_message_size, "\5\xc0"s);
  EXPECT_EQ(full(discover).reply->most, 1444U);
  discover.set(Option::maximum_message_size, "\0\1"s);
  EXPECT_EQ(full(discover).reply->most, 548U);
  discover.set(Option::maximum_message_size, "\xff\xff"s);
  EXPECT_EQ(full(discover).reply->most, 1472U);
}

TEST(Full, ExplainsLeasesThatCannotWork) {
  const auto message_of = [](const char* range, const char* netmask) {
    ResponderOptions options = full_options();
    options.leases->range = AddressRange::parse(range);
    options.leases->netmask = ip(netmask);
    try {
      Responder{options, choose};
      return std::string{"accepted"};
    } catch (const Error& error) {
      return error.message();
    }
  };
  EXPECT_EQ(message_of("192.0.3.1-192.0.3.9", "255.255.255.0"),
            "address range 192.0.3.1-192.0.3.9 is not within 192.0.2.0/255.255.255.0, the network of 192.0.2.1");
  EXPECT_EQ(message_of("192.0.2.1-192.0.2.9", "255.0.255.0"),
            "netmask 255.0.255.0: expected ones followed by zeros, as in 255.255.255.0");
}

TEST(Full, NeverGivesOutItsOwnAddress) {
  ResponderOptions options = full_options();
  options.leases->range = AddressRange::parse("192.0.2.0-192.0.2.2");
  Rig full{options};
  const auto first = full(message(Who::system, MessageType::discover));
  ASSERT_TRUE(first.reply);
  EXPECT_EQ(first.reply->packet.yours, ip("192.0.2.2"));
  Packet other = message(Who::system, MessageType::discover);
  other.hardware.bytes[5] = 9;
  EXPECT_FALSE(full(other).reply);
}

}  // namespace
}  // namespace kiln::dhcp
