#include "netboot/tftp/packet.h"

#include <algorithm>
#include <optional>

#include "base/error.h"

namespace kiln::tftp {
namespace {

/// RFC 2347: a request is one datagram of at most 512 bytes. Others send longer ones; this is only to refuse nonsense.
constexpr std::size_t kLongestRequest = 2048;
constexpr std::size_t kLongestErrorText = 256;

std::optional<std::uint16_t> take_u16(Bytes& in) {
  if (in.size() < 2) return std::nullopt;
  const auto value =
      static_cast<std::uint16_t>(std::to_integer<unsigned>(in[0]) << 8 | std::to_integer<unsigned>(in[1]));
  in = in.subspan(2);
  return value;
}

std::string u16_bytes(std::uint16_t value) { return {static_cast<char>(value >> 8), static_cast<char>(value)}; }

/// A text up to its NUL, which must be there.
std::string take_text(std::string_view& in, const char* what) {
  const std::size_t end = in.find('\0');
  if (end == in.npos) throw Error{"the ", what, " does not end"};
  std::string text{in.substr(0, end)};
  in.remove_prefix(end + 1);
  return text;
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return text;
}

}  // namespace

Request parse_request(Bytes datagram) {
  if (datagram.size() > kLongestRequest) throw Error{"a request of ", datagram.size(), " bytes"};
  Bytes rest = datagram;
  const auto opcode = take_u16(rest);
  if (!opcode) throw Error{"a datagram of ", datagram.size(), " bytes, too short for TFTP"};
  Request request;
  request.write = *opcode == static_cast<std::uint16_t>(Opcode::write);
  if (!request.write && *opcode != static_cast<std::uint16_t>(Opcode::read)) {
    throw Error{"expected a request (opcode 1 or 2), got opcode ", *opcode};
  }
  std::string_view text = as_text(rest);
  request.file = take_text(text, "file name");
  request.mode = lower(take_text(text, "mode"));
  // Some firmware pads its request with zeros: an empty option name ends the list.
  while (!text.empty() && text.front() != '\0') {
    std::string name = lower(take_text(text, "name of an option"));
    std::string value = take_text(text, "value of an option");
    request.options.push_back({std::move(name), std::move(value)});
  }
  return request;
}

Answer parse_answer(Bytes datagram) {
  Bytes rest = datagram;
  const auto opcode = take_u16(rest);
  const auto number = take_u16(rest);
  if (!opcode || !number) return {};
  if (*opcode == static_cast<std::uint16_t>(Opcode::acknowledge)) return Acknowledge{*number};
  if (*opcode != static_cast<std::uint16_t>(Opcode::error)) return {};
  const std::string_view text = as_text(rest).substr(0, kLongestErrorText);
  return ErrorMessage{*number, std::string{text.substr(0, text.find('\0'))}};
}

std::array<std::byte, kDataHeader> data_header(std::uint64_t block) {
  return {std::byte{0}, std::byte{static_cast<std::uint8_t>(Opcode::data)}, static_cast<std::byte>(block >> 8),
          static_cast<std::byte>(block)};
}

std::string error_packet(ErrorCode code, std::string_view text) {
  return concat(u16_bytes(static_cast<std::uint16_t>(Opcode::error)), u16_bytes(static_cast<std::uint16_t>(code)),
                text.substr(0, kLongestErrorText), '\0');
}

std::string option_acknowledge_packet(const std::vector<RequestOption>& options) {
  std::string packet = u16_bytes(static_cast<std::uint16_t>(Opcode::option_acknowledge));
  for (const RequestOption& option : options) packet += concat(option.name, '\0', option.value, '\0');
  return packet;
}

}  // namespace kiln::tftp
