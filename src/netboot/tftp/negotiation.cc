#include "netboot/tftp/negotiation.h"

#include <algorithm>
#include <charconv>
#include <string_view>

namespace kiln::tftp {
namespace {

constexpr std::uint32_t kLeastBlockSize = 8;  // RFC 2348
constexpr std::uint32_t kLargestBlockSize = 65464;
constexpr std::uint32_t kLargestTimeout = 255;   // RFC 2349
constexpr std::uint32_t kLargestWindow = 65535;  // RFC 7440

/// A decimal number from `least` to `most`.
std::optional<std::uint32_t> number(std::string_view text, std::uint32_t least, std::uint32_t most) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < least || value > most) return std::nullopt;
  return value;
}

bool is_accepted(const Terms& terms, const std::string& name) {
  return std::any_of(terms.accepted.begin(), terms.accepted.end(),
                     [&](const RequestOption& option) { return option.name == name; });
}

/// The value to acknowledge.
std::optional<std::string> agree(const RequestOption& option, std::uint64_t file_size, const TermLimits& limits,
                                 Terms& terms) {
  if (option.name == "blksize") {
    const auto asked = number(option.value, kLeastBlockSize, kLargestBlockSize);
    if (!asked) return std::nullopt;
    terms.block_size = std::max(kLeastBlockSize, std::min(*asked, limits.block_size));
    return std::to_string(terms.block_size);
  }
  if (option.name == "windowsize") {
    const auto asked = number(option.value, 1, kLargestWindow);
    if (!asked) return std::nullopt;
    terms.window_size = std::max(1U, std::min(*asked, limits.window_size));
    return std::to_string(terms.window_size);
  }
  if (option.name == "timeout") {
    const auto asked = number(option.value, 1, kLargestTimeout);
    if (!asked) return std::nullopt;
    terms.timeout = std::chrono::seconds{*asked};
    return option.value;
  }
  if (option.name == "tsize") {
    terms.size_asked = true;
    return std::to_string(file_size);
  }
  return std::nullopt;
}

}  // namespace

Terms negotiate(const Request& request, std::uint64_t file_size, const TermLimits& limits) {
  Terms terms;
  for (const RequestOption& option : request.options) {
    if (is_accepted(terms, option.name)) continue;  // RFC 2347: an option may be given once
    if (auto value = agree(option, file_size, limits, terms)) {
      terms.accepted.push_back({option.name, std::move(*value)});
    }
  }
  return terms;
}

}  // namespace kiln::tftp
