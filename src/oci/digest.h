#pragma once

#include <string>
#include <string_view>

#include "base/sha256.h"

namespace kiln::oci {

/// A content digest (image-spec, "Digests"). Only the registered algorithm sha256 is supported: a Digest in hand is
/// well-formed and can be verified.
class Digest {
 public:
  Digest() = default;
  explicit Digest(const Sha256& value) : value_{value} {}
  /// Throws Error: "digest 'X': expected sha256:<64 hex digits>, …".
  static Digest parse(std::string_view text);
  static Digest of(std::string_view content) { return Digest{Sha256::of(content)}; }

  const Sha256& sha256() const { return value_; }
  std::string hex() const { return value_.hex(); }
  std::string to_string() const { return "sha256:" + value_.hex(); }
  auto operator<=>(const Digest&) const = default;

 private:
  Sha256 value_;
};

}  // namespace kiln::oci
