#include <cstdlib>
#include <string>

#include "base/error.h"
#include "netboot/dhcp/packet.h"
#include "netboot/dhcp/responder.h"

namespace {

using namespace kiln::dhcp;

void answer(Responder& responder, const Packet& packet, std::uint16_t port) {
  const Responder::Result result = responder.respond({packet, port, {{0x7F000001}, 68}}, std::chrono::nanoseconds{1});
  if (result.event.describe().empty()) std::abort();
  if (!result.reply) return;
  try {
    const std::string datagram = result.reply->packet.serialize(result.reply->most);
    if (datagram.size() > result.reply->most || datagram.size() < 300) std::abort();
    Packet::parse(kiln::as_bytes(datagram));
  } catch (const kiln::Error&) {  // what is repeated (relay information, UUID) may not fit
  }
}

}  // namespace

/// What a message is read as is written and read again as the same, and neither kind of server minds it.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  Packet packet;
  try {
    packet = Packet::parse(std::as_bytes(std::span{data, size}));
  } catch (const kiln::Error&) {
    return 0;
  }
  const std::string written = packet.serialize(std::string::npos);
  if (Packet::parse(kiln::as_bytes(written)) != packet) std::abort();

  const auto choose = [](const Client&) -> BootChoice { return BootFile{"ipxe.efi", {}}; };
  Responder proxy{{*Ipv4Address::parse("192.0.2.1"), {}}, choose};
  Responder full{
      {*Ipv4Address::parse("192.0.2.1"), LeaseOptions{.range = AddressRange::parse("192.0.2.100-192.0.2.200"),
                                                      .netmask = *Ipv4Address::parse("255.255.255.0")}},
      choose};
  for (const std::uint16_t port : {std::uint16_t{67}, std::uint16_t{4011}}) {
    answer(proxy, packet, port);
    answer(full, packet, port);
  }
  return 0;
}
