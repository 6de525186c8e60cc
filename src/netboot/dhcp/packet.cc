#include "netboot/dhcp/packet.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/error.h"

namespace kiln::dhcp {
namespace {

// RFC 2131, figure 1: where the fields are.
constexpr std::size_t kHardwareAt = 28;
constexpr std::size_t kServerNameAt = 44;
constexpr std::size_t kServerNameSize = 64;
constexpr std::size_t kFileAt = 108;
constexpr std::size_t kFileSize = 128;
constexpr std::size_t kCookieAt = 236;
constexpr std::size_t kOptionsAt = 240;
constexpr std::size_t kLeastSize = 300;  // BOOTP's, RFC 951
constexpr std::string_view kCookie = "\x63\x82\x53\x63";

// Values of option 52.
constexpr unsigned kOverloadFile = 1;
constexpr unsigned kOverloadServerName = 2;

std::uint8_t u8_at(std::string_view bytes, std::size_t at) { return static_cast<std::uint8_t>(bytes[at]); }
std::uint16_t u16_at(std::string_view bytes, std::size_t at) {
  return static_cast<std::uint16_t>(u8_at(bytes, at) << 8 | u8_at(bytes, at + 1));
}
std::uint32_t u32_at(std::string_view bytes, std::size_t at) {
  return std::uint32_t{u16_at(bytes, at)} << 16 | u16_at(bytes, at + 2);
}

std::string u32_bytes(std::uint32_t value) {
  return {static_cast<char>(value >> 24), static_cast<char>(value >> 16), static_cast<char>(value >> 8),
          static_cast<char>(value)};
}

/// The options in bytes [begin, end) of `datagram`, added to those there. Ends at option 255 or at the field's end.
void read_options(std::string_view datagram, std::size_t begin, std::size_t end, Packet& packet) {
  for (std::size_t at = begin; at < end;) {
    const auto code = static_cast<Option>(u8_at(datagram, at));
    if (code == Option::end) return;
    if (code == Option::pad) {
      ++at;
      continue;
    }
    if (end - at < 2) throw Error{"option ", u8_at(datagram, at), " at byte ", at, " has no length"};
    const std::size_t size = u8_at(datagram, at + 1);
    if (size > end - at - 2) {
      throw Error{"option ",    u8_at(datagram, at),     " at byte ", at, " says ", size, " bytes, but ",
                  end - at - 2, " are left of its field"};
    }
    packet.options[code] += datagram.substr(at + 2, size);  // RFC 3396: pieces are joined
    at += 2 + size;
  }
}

std::string text_field(std::string_view datagram, std::size_t at, std::size_t size) {
  const std::string_view field = datagram.substr(at, size);
  return std::string{field.substr(0, field.find('\0'))};
}

/// The fields `file` and `sname`, or the options that took their place (in the order of RFC 3396, section 5).
void read_lent_fields(std::string_view datagram, Packet& packet) {
  unsigned overload = 0;
  if (const auto found = packet.options.find(Option::overload); found != packet.options.end()) {
    if (found->second.size() != 1 || u8_at(found->second, 0) < 1 || u8_at(found->second, 0) > 3) {
      throw Error{"option 52 (overload) must be one byte of 1 to 3"};
    }
    overload = u8_at(found->second, 0);
    packet.options.erase(found);
  }
  if ((overload & kOverloadFile) != 0) {
    read_options(datagram, kFileAt, kFileAt + kFileSize, packet);
  } else {
    packet.file = text_field(datagram, kFileAt, kFileSize);
  }
  if ((overload & kOverloadServerName) != 0) {
    read_options(datagram, kServerNameAt, kServerNameAt + kServerNameSize, packet);
  } else {
    packet.server_name = text_field(datagram, kServerNameAt, kServerNameSize);
  }
  packet.options.erase(Option::overload);  // one inside of a lent field means nothing
}

HardwareAddress read_hardware(std::string_view datagram) {
  HardwareAddress hardware;
  hardware.type = u8_at(datagram, 1);
  hardware.size = u8_at(datagram, 2);
  if (hardware.size > hardware.bytes.size()) {
    throw Error{"hardware address of ", hardware.size, " bytes; its field has ", hardware.bytes.size()};
  }
  std::memcpy(hardware.bytes.data(), datagram.data() + kHardwareAt, hardware.size);
  return hardware;
}

/// An option as it stands in a message: split into pieces of at most 255 bytes (RFC 3396).
std::string encode(Option code, std::string_view value) {
  std::string out;
  do {
    const std::string_view piece = value.substr(0, 255);
    out += static_cast<char>(code);
    out += static_cast<char>(piece.size());
    out += piece;
    value.remove_prefix(piece.size());
  } while (!value.empty());
  return out;
}

/// Message type and server identifier first: there are ROMs that look for them there.
std::vector<std::string> encode_all(const std::map<Option, std::string>& options) {
  std::vector<std::string> out;
  constexpr std::array kFirst{Option::message_type, Option::server_identifier};
  for (const Option code : kFirst) {
    if (const auto found = options.find(code); found != options.end()) out.push_back(encode(code, found->second));
  }
  for (const auto& [code, value] : options) {
    if (std::find(kFirst.begin(), kFirst.end(), code) == kFirst.end()) out.push_back(encode(code, value));
  }
  return out;
}

/// Where options go: the options field, and if they do not fit there, `file` and `sname`.
struct Room {
  std::size_t size;
  std::string bytes{};

  bool take(std::string_view option) {
    if (bytes.size() + option.size() + 1 > size) return false;  // one for the end
    bytes += option;
    return true;
  }
};

void put(std::string& datagram, std::size_t at, std::string_view bytes) { datagram.replace(at, bytes.size(), bytes); }

std::string header(const Packet& packet) {
  std::string out(kOptionsAt, '\0');
  out[0] = static_cast<char>(packet.op);
  out[1] = static_cast<char>(packet.hardware.type);
  out[2] = static_cast<char>(packet.hardware.size);
  out[3] = static_cast<char>(packet.hops);
  put(out, 4, u32_bytes(packet.transaction));
  put(out, 8, u32_bytes(std::uint32_t{packet.seconds} << 16 | packet.flags));
  put(out, 12, u32_bytes(packet.client.value));
  put(out, 16, u32_bytes(packet.yours.value));
  put(out, 20, u32_bytes(packet.next_server.value));
  put(out, 24, u32_bytes(packet.relay.value));
  put(out, kHardwareAt,
      {reinterpret_cast<const char*>(packet.hardware.bytes.data()),
       std::min<std::size_t>(packet.hardware.size, packet.hardware.bytes.size())});
  put(out, kServerNameAt, packet.server_name);
  put(out, kFileAt, packet.file);
  put(out, kCookieAt, kCookie);
  return out;
}

void check_fields(const Packet& packet) {
  if (packet.file.size() > kFileSize) {
    throw Error{"boot file name of ", packet.file.size(), " bytes; the field has ", kFileSize};
  }
  if (packet.server_name.size() > kServerNameSize) {
    throw Error{"server name of ", packet.server_name.size(), " bytes; the field has ", kServerNameSize};
  }
}

}  // namespace

std::string message_name(MessageType type) {
  static constexpr const char* kNames[] = {"DHCPDISCOVER", "DHCPOFFER", "DHCPREQUEST", "DHCPDECLINE",
                                           "DHCPACK",      "DHCPNAK",   "DHCPRELEASE", "DHCPINFORM"};
  const auto number = static_cast<std::uint8_t>(type);
  if (number >= 1 && number <= std::size(kNames)) return kNames[number - 1];
  return concat("DHCP message ", number);
}

Packet Packet::parse(Bytes bytes) {
  const std::string_view datagram = as_text(bytes);
  if (datagram.size() < kOptionsAt) {
    throw Error{"datagram of ", datagram.size(), " bytes; a DHCP message has at least ", kOptionsAt};
  }
  if (datagram.substr(kCookieAt, kCookie.size()) != kCookie) {
    throw Error{"no DHCP message: the magic cookie at byte ", kCookieAt, " is missing"};
  }
  Packet packet;
  packet.op = u8_at(datagram, 0);
  if (packet.op != kBootRequest && packet.op != kBootReply) throw Error{"op is ", packet.op, ", expected 1 or 2"};
  packet.hardware = read_hardware(datagram);
  packet.hops = u8_at(datagram, 3);
  packet.transaction = u32_at(datagram, 4);
  packet.seconds = u16_at(datagram, 8);
  packet.flags = u16_at(datagram, 10);
  packet.client.value = u32_at(datagram, 12);
  packet.yours.value = u32_at(datagram, 16);
  packet.next_server.value = u32_at(datagram, 20);
  packet.relay.value = u32_at(datagram, 24);
  read_options(datagram, kOptionsAt, datagram.size(), packet);
  read_lent_fields(datagram, packet);
  return packet;
}

std::string Packet::serialize(std::size_t most) const {
  check_fields(*this);
  std::size_t size = kOptionsAt + 1;
  const std::vector<std::string> encoded = encode_all(options);
  for (const std::string& option : encoded) size += option.size();
  std::string out = header(*this);

  if (size <= most) {
    for (const std::string& option : encoded) out += option;
  } else {
    Room field{most - std::min(most, kOptionsAt + 3)};
    Room lent_file{file.empty() ? kFileSize : 0};
    Room lent_name{server_name.empty() ? kServerNameSize : 0};
    for (const std::string& option : encoded) {
      if (field.take(option) || lent_file.take(option) || lent_name.take(option)) continue;
      throw Error{"DHCP message of ", size, " bytes; the client takes ", most};
    }
    const unsigned overload =
        (lent_file.bytes.empty() ? 0 : kOverloadFile) | (lent_name.bytes.empty() ? 0 : kOverloadServerName);
    const auto end = static_cast<char>(Option::end);
    if (!lent_file.bytes.empty()) put(out, kFileAt, lent_file.bytes + end);
    if (!lent_name.bytes.empty()) put(out, kServerNameAt, lent_name.bytes + end);
    out += field.bytes;
    if (overload != 0) out += encode(Option::overload, std::string(1, static_cast<char>(overload)));
  }
  out += static_cast<char>(Option::end);
  out.resize(std::max(out.size(), kLeastSize), '\0');
  return out;
}

std::optional<MessageType> Packet::message_type() const {
  const auto value = option(Option::message_type);
  if (!value || value->size() != 1) return std::nullopt;
  return static_cast<MessageType>(u8_at(*value, 0));
}

std::optional<std::string_view> Packet::option(Option code) const {
  const auto found = options.find(code);
  if (found == options.end()) return std::nullopt;
  return found->second;
}

std::optional<Ipv4Address> Packet::address_option(Option code) const {
  const auto value = option(code);
  if (!value || value->size() != 4) return std::nullopt;
  return Ipv4Address{u32_at(*value, 0)};
}

std::optional<std::uint16_t> Packet::u16_option(Option code) const {
  const auto value = option(code);
  if (!value || value->size() != 2) return std::nullopt;
  return u16_at(*value, 0);
}

void Packet::set(Option code, Ipv4Address value) { set_u32(code, value.value); }
void Packet::set_u8(Option code, std::uint8_t value) { set(code, std::string(1, static_cast<char>(value))); }
void Packet::set_u32(Option code, std::uint32_t value) { set(code, u32_bytes(value)); }

}  // namespace kiln::dhcp
