#include "oci/digest.h"

#include <algorithm>

#include "base/error.h"

namespace kiln::oci {
namespace {

constexpr std::string_view kAlgorithm = "sha256";
constexpr std::size_t kDigits = 64;

bool is_digit(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

std::string complaint(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return "got no algorithm";
  if (text.substr(0, colon) != kAlgorithm) return concat("got algorithm ", quote(text.substr(0, colon)));
  const std::string_view digits = text.substr(colon + 1);
  if (digits.size() != kDigits) return concat("got ", digits.size(), " digits");
  const auto bad = std::find_if_not(digits.begin(), digits.end(), is_digit);
  return concat("got ", quote(std::string_view{bad, 1}), " (digits are 0-9 and a-f)");
}

}  // namespace

Digest Digest::parse(std::string_view text) {
  if (text.starts_with("sha256:")) {
    if (const auto value = Sha256::from_hex(text.substr(kAlgorithm.size() + 1))) return Digest{*value};
  }
  throw Error{"digest ", quote(text.substr(0, 200)), ": expected sha256:<64 hex digits>, ", complaint(text)};
}

}  // namespace kiln::oci
