#include "netboot/dhcp/responder.h"

#include <algorithm>

#include "base/error.h"

namespace kiln::dhcp {
namespace {

constexpr std::uint16_t kServerPort = 67;
constexpr std::uint16_t kClientPort = 68;
constexpr std::uint16_t kBootServerPort = 4011;

// What fits into the datagram every client must take (RFC 2131, section 2), and into one of Ethernet.
constexpr std::size_t kHeaders = 28;
constexpr std::size_t kLeastMost = 576 - kHeaders;
constexpr std::size_t kMostMost = 1500 - kHeaders;

constexpr std::size_t kFileField = 127;

// PXE 2.1's sub-options of option 43.
constexpr char kDiscoveryControl = 6;
constexpr char kBootItem = 71;
constexpr char kSubOptionsEnd = '\xFF';
// Discovery control, bit 3: "use the boot file that this message names, without looking for a boot server".
constexpr char kUseBootFile = 8;

bool is_uefi(const Client& client) { return client.architecture && *client.architecture != Architecture::x86_bios; }

bool requests(const Packet& packet, Option code) {
  const std::string_view list = packet.option(Option::parameter_request_list).value_or("");
  return list.find(static_cast<char>(code)) != list.npos;
}

/// PXE_BOOT_ITEM of a request, with its header; a boot server's answer must repeat it.
std::string_view boot_item(const Packet& packet) {
  std::string_view rest = packet.option(Option::vendor_specific).value_or("");
  while (rest.size() >= 2 && rest[0] != kSubOptionsEnd) {
    const std::size_t size = static_cast<std::uint8_t>(rest[1]);
    if (size > rest.size() - 2) return {};
    if (rest[0] == kBootItem) return rest.substr(0, 2 + size);
    rest.remove_prefix(2 + size);
  }
  return {};
}

/// What leases are kept by. RFC 2131 would have it be the client identifier; but a machine's firmware, its iPXE and its
/// system each send another one, and shall get one address, not three.
std::string lease_key(const Client& client) {
  return client.hardware.size > 0 ? client.hardware.to_string() : "client identifier " + client.client_identifier;
}

std::uint32_t host_part(Ipv4Address netmask) { return ~netmask.value; }

bool in_subnet(Ipv4Address address, Ipv4Address member, Ipv4Address netmask) {
  return (address.value & netmask.value) == (member.value & netmask.value);
}

void check_leases(const LeaseOptions& leases, Ipv4Address server) {
  const std::string range = concat(leases.range.first.to_string(), "-", leases.range.last.to_string());
  if (leases.range.last < leases.range.first) {
    throw Error{"address range ", range, ": the last address is before the first"};
  }
  const std::uint32_t hosts = host_part(leases.netmask);
  if (leases.netmask.is_none() || (hosts & (hosts + 1)) != 0) {
    throw Error{"netmask ", leases.netmask.to_string(), ": expected ones followed by zeros, as in 255.255.255.0"};
  }
  if (!in_subnet(leases.range.first, server, leases.netmask) || !in_subnet(leases.range.last, server, leases.netmask)) {
    const Ipv4Address network{server.value & leases.netmask.value};
    throw Error{"address range ",
                range,
                " is not within ",
                network.to_string(),
                "/",
                leases.netmask.to_string(),
                ", the network of ",
                server.to_string()};
  }
}

/// Addresses of the subnet that are no client's.
std::set<Ipv4Address> reserved_addresses(const LeaseOptions& leases, Ipv4Address server) {
  const Ipv4Address network{server.value & leases.netmask.value};
  std::set<Ipv4Address> reserved{server, network, Ipv4Address{network.value | host_part(leases.netmask)}};
  if (leases.router) reserved.insert(*leases.router);
  reserved.insert(leases.name_servers.begin(), leases.name_servers.end());
  return reserved;
}

}  // namespace

/// One message on its way to an answer.
class Responder::Exchange {
 public:
  Exchange(Responder& responder, const Received& received, std::chrono::nanoseconds now)
      : responder_{responder}, options_{responder.options_}, received_{received}, request_{received.packet}, now_{now} {
    event_.client = Client::of(request_);
    event_.port = received.port;
  }

  Result run() &&;

 private:
  bool full() const { return responder_.table_.has_value(); }
  LeaseTable& table() { return *responder_.table_; }
  const Client& client() const { return event_.client; }
  std::string key() const { return lease_key(client()); }

  void answer();
  void proxy_discover();
  void boot_information();
  void discover();
  void request();
  void acknowledge(Ipv4Address address);
  void refuse(std::string why);
  void inform();
  void release();
  void decline();
  void ignore(std::string why) { conclude(Event::Kind::ignored, std::move(why)); }
  void conclude(Event::Kind kind, std::string reason = {}) {
    event_.kind = kind;
    event_.reason = std::move(reason);
  }

  bool is_for_another_server() const;
  bool is_relayed_from_elsewhere();
  bool choose_boot();
  void start_reply(MessageType type);
  void add_boot(bool discovery_control);
  void add_network();
  void add_lease_time();
  void send_to_client();
  void reply_to(Destination destination) {
    reply_.destination = destination;
    replying_ = true;
  }

  Responder& responder_;
  const ResponderOptions& options_;
  const Received& received_;
  const Packet& request_;
  const std::chrono::nanoseconds now_;
  Event event_;
  Reply reply_;
  bool replying_ = false;
};

Responder::Result Responder::Exchange::run() && {
  answer();
  Result result;
  result.event = std::move(event_);
  if (replying_) result.reply = std::move(reply_);
  return result;
}

void Responder::Exchange::answer() {
  const auto type = request_.message_type();
  if (request_.op != Packet::kBootRequest) return ignore("no request");
  if (!type) return ignore("a BOOTP request without DHCP's message type, which is not answered");
  event_.asked = *type;
  if (received_.port == kBootServerPort) {
    if (*type != MessageType::request && *type != MessageType::inform && *type != MessageType::discover) {
      return ignore("nothing a boot server is asked");
    }
    return boot_information();
  }
  if (!full()) {
    if (*type == MessageType::discover) return proxy_discover();
    if (*type == MessageType::inform) return boot_information();
    return ignore("a matter of the DHCP server that gives out addresses");
  }
  if (client().hardware.size == 0 && client().client_identifier.empty()) {
    return ignore("tells neither a hardware address nor a client identifier");
  }
  switch (*type) {
    case MessageType::discover:
      return discover();
    case MessageType::request:
      return request();
    case MessageType::inform:
      return inform();
    case MessageType::release:
      return release();
    case MessageType::decline:
      return decline();
    default:
      return ignore("nothing a server is asked");
  }
}

/// PXE 2.1: an offer without an address, beside that of the DHCP server.
void Responder::Exchange::proxy_discover() {
  if (client().kind == Client::Kind::none) return ignore("did not ask for network boot");
  if (!choose_boot()) return conclude(Event::Kind::nothing_to_boot, event_.reason);
  start_reply(MessageType::offer);
  // edk2 drops a proxy's offer with discovery control (it counts offers of that type only if it has one already), and
  // with the vendor class alone asks on port 4011. BIOS ROMs and iPXE take the file from the offer.
  const bool asks_again = client().kind == Client::Kind::pxe && is_uefi(client());
  add_boot(!asks_again);
  // It asks siaddr rather than the server identifier: that must be us, wherever the file is.
  if (asks_again) reply_.packet.next_server = options_.server;
  conclude(Event::Kind::offered);
  send_to_client();
}

/// A client that has an address asks what to boot: on port 4011, or by DHCPINFORM.
void Responder::Exchange::boot_information() {
  if (client().kind == Client::Kind::none) return ignore("did not ask for network boot");
  if (is_for_another_server()) return ignore("asks another boot server");
  if (!choose_boot()) return conclude(Event::Kind::nothing_to_boot, event_.reason);
  start_reply(MessageType::ack);
  reply_.packet.client = request_.client;
  add_boot(!is_uefi(client()));
  conclude(Event::Kind::acknowledged);
  if (received_.port == kServerPort) return send_to_client();
  // RFC 4578 leaves the port to PXE 2.1, which has the client listen where it sent from.
  if (!received_.source.address.is_none()) return reply_to(received_.source);
  reply_to({request_.client.is_none() ? kEveryone : request_.client, received_.source.port});
}

void Responder::Exchange::discover() {
  if (is_relayed_from_elsewhere()) return;
  const auto address =
      table().offer(key(), client().hardware, request_.address_option(Option::requested_address), now_);
  if (!address) return ignore("no address of the range is free");
  event_.address = *address;
  start_reply(MessageType::offer);
  reply_.packet.yours = *address;
  add_network();
  add_lease_time();
  if (client().kind != Client::Kind::none && choose_boot()) add_boot(true);
  conclude(Event::Kind::offered, event_.reason);
  send_to_client();
}

/// RFC 2131, section 4.3.2: an offer is taken, or a client that knows its address wants to go on with it.
void Responder::Exchange::request() {
  if (is_for_another_server()) {
    table().withdraw(key());
    return ignore("took the offer of " + request_.address_option(Option::server_identifier)->to_string());
  }
  if (is_relayed_from_elsewhere()) return;
  const bool selecting = request_.option(Option::server_identifier).has_value();
  const auto requested = request_.address_option(Option::requested_address);
  const Ipv4Address address = requested.value_or(request_.client);
  if (address.is_none()) return ignore("names no address");
  event_.address = address;
  if (table().bind(key(), client().hardware, address, options_.leases->time, now_)) return acknowledge(address);

  if (selecting || table().range().contains(address)) return refuse(address.to_string() + " is not to be had");
  // INIT-REBOOT in another network is refused. In this one, another server may have given it the address.
  if (requested && !in_subnet(address, options_.server, options_.leases->netmask)) {
    return refuse(address.to_string() + " is not of this network");
  }
  ignore(address.to_string() + " was not given out here");
}

void Responder::Exchange::acknowledge(Ipv4Address address) {
  start_reply(MessageType::ack);
  reply_.packet.client = request_.client;
  reply_.packet.yours = address;
  add_network();
  add_lease_time();
  if (client().kind != Client::Kind::none && choose_boot()) add_boot(true);
  conclude(Event::Kind::acknowledged, event_.reason);
  send_to_client();
}

void Responder::Exchange::refuse(std::string why) {
  start_reply(MessageType::nak);
  reply_.packet.options.erase(Option::vendor_class);
  reply_.packet.set(Option::message, why);
  conclude(Event::Kind::refused, std::move(why));
  if (request_.relay.is_none()) return reply_to({kEveryone, kClientPort});
  reply_.packet.flags |= Packet::kBroadcast;  // the client's address is in doubt: the relay must broadcast
  reply_to({request_.relay, kServerPort});
}

/// A client with an address from elsewhere wants the rest.
void Responder::Exchange::inform() {
  if (request_.client.is_none()) return ignore("names no address of its own");
  event_.address = request_.client;
  start_reply(MessageType::ack);
  reply_.packet.client = request_.client;
  add_network();
  if (client().kind != Client::Kind::none && choose_boot()) add_boot(true);
  conclude(Event::Kind::acknowledged, event_.reason);
  send_to_client();
}

void Responder::Exchange::release() {
  if (is_for_another_server()) return ignore("gives an address back to another server");
  event_.address = request_.client;
  if (!table().release(key(), request_.client)) return ignore(request_.client.to_string() + " is not its own");
  conclude(Event::Kind::released);
}

void Responder::Exchange::decline() {
  if (is_for_another_server()) return ignore("declines an address of another server");
  event_.address = request_.address_option(Option::requested_address).value_or(Ipv4Address{});
  if (!table().decline(key(), event_.address, now_)) return ignore(event_.address.to_string() + " is not its own");
  conclude(Event::Kind::declined, "another machine uses " + event_.address.to_string());
}

bool Responder::Exchange::is_for_another_server() const {
  const auto server = request_.address_option(Option::server_identifier);
  return server && *server != options_.server;
}

/// Concludes the exchange if so: the addresses here are of no use there.
bool Responder::Exchange::is_relayed_from_elsewhere() {
  if (request_.relay.is_none() || in_subnet(request_.relay, options_.server, options_.leases->netmask)) return false;
  ignore("came through relay " + request_.relay.to_string() + ", and there are no addresses for its network");
  return true;
}

/// False if there is nothing; the event has the reason then.
bool Responder::Exchange::choose_boot() {
  const BootChoice choice = responder_.choose_boot_(client());
  if (const auto* none = std::get_if<NoBoot>(&choice)) {
    event_.reason = none->reason;
    return false;
  }
  event_.boot = std::get<BootFile>(choice);
  if (event_.boot->next_server.is_none()) event_.boot->next_server = options_.server;
  return true;
}

void Responder::Exchange::start_reply(MessageType type) {
  Packet& packet = reply_.packet;
  packet.op = Packet::kBootReply;
  packet.hardware = request_.hardware;
  packet.transaction = request_.transaction;
  packet.flags = request_.flags;
  packet.relay = request_.relay;
  packet.set_u8(Option::message_type, static_cast<std::uint8_t>(type));
  packet.set(Option::server_identifier, options_.server);
  // Repeated: RFC 3046, 2.2 (relays find their port by it); RFC 6842; RFC 4578, 2.3.
  for (const Option code : {Option::relay_agent_information, Option::client_identifier, Option::client_uuid}) {
    if (const auto value = request_.option(code)) packet.set(code, std::string{*value});
  }
  const auto most = request_.u16_option(Option::maximum_message_size);
  reply_.most = std::clamp<std::size_t>(most ? std::max<std::size_t>(*most, kHeaders) - kHeaders : kLeastMost,
                                        kLeastMost, kMostMost);
}

/// The boot file, and the vendor class without which firmware and iPXE take no boot file from an offer.
void Responder::Exchange::add_boot(bool discovery_control) {
  Packet& packet = reply_.packet;
  const BootFile& boot = *event_.boot;
  const bool http = client().kind == Client::Kind::uefi_http;
  packet.next_server = boot.next_server;
  packet.set(Option::vendor_class, http ? "HTTPClient" : "PXEClient");
  if (boot.name.size() <= kFileField) packet.file = boot.name;
  // UEFI looks for a URL in option 67 first; edk2 writes a NUL behind it, over the next option, if there is none.
  if (http) packet.set(Option::boot_file_name, boot.name + '\0');
  if (boot.name.size() > kFileField && !http) packet.set(Option::boot_file_name, boot.name);
  if (http) return;

  std::string vendor;
  if (discovery_control) vendor += {kDiscoveryControl, 1, kUseBootFile};
  vendor += boot_item(request_);
  if (!vendor.empty()) packet.set(Option::vendor_specific, vendor + kSubOptionsEnd);
  if (requests(request_, Option::tftp_server_name)) {
    packet.set(Option::tftp_server_name, boot.next_server.to_string());
  }
}

void Responder::Exchange::add_network() {
  const LeaseOptions& leases = *options_.leases;
  Packet& packet = reply_.packet;
  packet.set(Option::subnet_mask, leases.netmask);
  if (leases.router) packet.set(Option::router, *leases.router);
  std::string servers;
  for (const Ipv4Address server : leases.name_servers) {
    Packet one;
    one.set(Option::domain_name_server, server);
    servers += one.options[Option::domain_name_server];
  }
  if (!servers.empty()) packet.set(Option::domain_name_server, servers);
  if (!leases.domain.empty()) packet.set(Option::domain_name, leases.domain);
}

void Responder::Exchange::add_lease_time() {
  reply_.packet.set_u32(Option::lease_time, static_cast<std::uint32_t>(options_.leases->time.count()));
}

/// RFC 2131, section 4.1. A client without an address that did not ask for broadcast should be sent its answer at the
/// address it is being given. That needs a raw socket or an entry in the ARP table, and has no use: whoever listens for
/// that (edk2, iPXE, BIOS ROMs, every DHCP client) takes a broadcast as well.
void Responder::Exchange::send_to_client() {
  if (!request_.relay.is_none()) return reply_to({request_.relay, kServerPort});
  if (!request_.client.is_none()) return reply_to({request_.client, kClientPort});
  reply_to({kEveryone, kClientPort});
}

Responder::Responder(ResponderOptions options, ChooseBoot choose_boot)
    : options_{std::move(options)}, choose_boot_{std::move(choose_boot)} {
  if (!options_.leases) return;
  check_leases(*options_.leases, options_.server);
  table_.emplace(options_.leases->range, reserved_addresses(*options_.leases, options_.server));
}

Responder::Result Responder::respond(const Received& received, std::chrono::nanoseconds now) {
  return Exchange{*this, received, now}.run();
}

std::vector<LeaseTable::Lease> Responder::leases(std::chrono::nanoseconds now) const {
  return table_ ? table_->leases(now) : std::vector<LeaseTable::Lease>{};
}

namespace {

std::string outcome(const Event& event) {
  const std::string address = event.address.to_string();
  switch (event.kind) {
    case Event::Kind::offered:
      return event.address.is_none() ? "offered" : "offered " + address;
    case Event::Kind::acknowledged:
      return event.address.is_none() ? "acknowledged" : "acknowledged " + address;
    case Event::Kind::refused:
      return "refused " + address;
    case Event::Kind::released:
      return "gave " + address + " back";
    case Event::Kind::declined:
      return "declined " + address;
    case Event::Kind::nothing_to_boot:
      return "offered nothing";
    case Event::Kind::ignored:
      return "ignored";
  }
  return {};
}

}  // namespace

std::string Event::describe() const {
  std::string text = concat(message_name(asked), " from ", client.describe());
  if (port != kServerPort) text += concat(" on port ", port);
  text += ": " + outcome(*this);
  if (boot) {
    text += (address.is_none() ? " " : ", ") + quote(boot->name);
    if (boot->name.find("://") == std::string::npos) text += " from " + boot->next_server.to_string();
  } else if (!reason.empty() && !address.is_none() && kind <= Kind::acknowledged) {
    text += ", nothing to boot";
  }
  if (!reason.empty()) text += ": " + reason;
  return text;
}

}  // namespace kiln::dhcp
