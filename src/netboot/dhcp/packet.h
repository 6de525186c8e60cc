#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "netboot/dhcp/address.h"

namespace kiln::dhcp {

/// RFC 2132, 9.6.
enum class MessageType : std::uint8_t {
  discover = 1,
  offer = 2,
  request = 3,
  decline = 4,
  ack = 5,
  nak = 6,
  release = 7,
  inform = 8
};
std::string message_name(MessageType type);  ///< "DHCPDISCOVER"; "DHCP message 13" for those we do not know

/// Option codes (RFC 2132, 3004, 4578) that mean something here.
enum class Option : std::uint8_t {
  pad = 0,
  subnet_mask = 1,
  router = 3,
  domain_name_server = 6,
  host_name = 12,
  domain_name = 15,
  vendor_specific = 43,
  requested_address = 50,
  lease_time = 51,
  overload = 52,
  message_type = 53,
  server_identifier = 54,
  parameter_request_list = 55,
  message = 56,
  maximum_message_size = 57,
  renewal_time = 58,
  rebinding_time = 59,
  vendor_class = 60,
  client_identifier = 61,
  tftp_server_name = 66,
  boot_file_name = 67,
  user_class = 77,
  relay_agent_information = 82,
  client_architecture = 93,
  network_interface = 94,
  client_uuid = 97,
  ipxe = 175,
  end = 255
};

/// A DHCP message (RFC 2131, section 2). Options are kept joined: an option that came in several pieces (RFC 3396), or
/// in the `file` and `sname` fields (option 52), is one here.
struct Packet {
  static constexpr std::uint8_t kBootRequest = 1;
  static constexpr std::uint8_t kBootReply = 2;
  static constexpr std::uint16_t kBroadcast = 0x8000;

  std::uint8_t op = kBootRequest;
  HardwareAddress hardware;  ///< htype, hlen, chaddr
  std::uint8_t hops = 0;
  std::uint32_t transaction = 0;  ///< xid
  std::uint16_t seconds = 0;      ///< secs
  std::uint16_t flags = 0;
  Ipv4Address client;                     ///< ciaddr: the address the client has and answers to
  Ipv4Address yours;                      ///< yiaddr: the address it is given
  Ipv4Address next_server;                ///< siaddr: where the boot file is
  Ipv4Address relay;                      ///< giaddr
  std::string server_name;                ///< sname, up to its NUL
  std::string file;                       ///< up to its NUL
  std::map<Option, std::string> options;  ///< without pad, overload and end

  /// Reads a datagram. Throws Error that says what is wrong and where.
  static Packet parse(Bytes datagram);

  /// As a datagram of at least 300 bytes (BOOTP's size: relays and old ROMs drop shorter ones). Options longer than 255
  /// bytes are split. Throws Error if it does not fit into `most` bytes, even with `file` and `sname` lent to options.
  std::string serialize(std::size_t most = 1500 - 28) const;

  bool wants_broadcast() const { return (flags & kBroadcast) != 0; }
  std::optional<MessageType> message_type() const;  ///< none: plain BOOTP

  /// An option's bytes; nothing if it is absent.
  std::optional<std::string_view> option(Option code) const;
  /// The same as an address, for options of 4 bytes; nothing if absent or of another size.
  std::optional<Ipv4Address> address_option(Option code) const;
  std::optional<std::uint16_t> u16_option(Option code) const;

  void set(Option code, std::string value) { options[code] = std::move(value); }
  void set(Option code, Ipv4Address value);
  void set_u8(Option code, std::uint8_t value);
  void set_u32(Option code, std::uint32_t value);

  bool operator==(const Packet&) const = default;
};

}  // namespace kiln::dhcp
