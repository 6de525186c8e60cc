#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/bytes.h"

namespace kiln::tftp {

// Internal to this folder: what goes over the wire (RFC 1350, section 5; RFC 2347).

enum class Opcode : std::uint16_t { read = 1, write = 2, data = 3, acknowledge = 4, error = 5, option_acknowledge = 6 };

enum class ErrorCode : std::uint16_t {
  undefined = 0,
  file_not_found = 1,
  access_violation = 2,
  disk_full = 3,
  illegal_operation = 4,
  unknown_transfer = 5,
  file_exists = 6,
  no_such_user = 7,
  options_refused = 8  // RFC 2347
};

struct RequestOption {
  std::string name;  // in lower case
  std::string value;
  bool operator==(const RequestOption&) const = default;
};

struct Request {
  bool write = false;
  std::string file;
  std::string mode;  // in lower case
  std::vector<RequestOption> options;
  bool operator==(const Request&) const = default;
};

/// What a client sends first. Throws Error if it is something else.
Request parse_request(Bytes datagram);

/// What a client sends to a transfer.
struct Acknowledge {
  std::uint16_t block;
};
struct ErrorMessage {
  std::uint16_t code;
  std::string text;
};
/// std::monostate: neither, and to be ignored.
using Answer = std::variant<std::monostate, Acknowledge, ErrorMessage>;
Answer parse_answer(Bytes datagram);

constexpr std::size_t kDataHeader = 4;
std::array<std::byte, kDataHeader> data_header(std::uint64_t block);  ///< block numbers go on at 0 after 65535

std::string error_packet(ErrorCode code, std::string_view text);
std::string option_acknowledge_packet(const std::vector<RequestOption>& options);

}  // namespace kiln::tftp
