#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "netboot/tftp/packet.h"

namespace kiln::tftp {

// Internal to this folder: what client and server agree on (RFC 2347-2349, 7440).

struct Terms {
  std::uint32_t block_size = 512;
  std::uint32_t window_size = 1;
  std::optional<std::chrono::seconds> timeout;  // after which what was not acknowledged is to be sent again
  bool size_asked = false;                      // tsize
  std::vector<RequestOption> accepted;          // to be acknowledged, with our values; if empty, data is sent at once
};

struct TermLimits {
  std::uint32_t block_size;
  std::uint32_t window_size;
};

/// Options that we do not know, or whose value is not allowed, are left out of what is acknowledged, as if they had not
/// been asked for; sizes above the limits are lowered.
Terms negotiate(const Request& request, std::uint64_t file_size, const TermLimits& limits);

}  // namespace kiln::tftp
