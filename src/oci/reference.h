#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "oci/digest.h"

namespace kiln::oci {

/// An image reference in canonical form (distribution-spec grammar; short names expanded as spec yaml.md §9: one
/// component -> the default registry's library/, two without '.', ':' or "localhost" in the first -> the default
/// registry). No tag is added: an untagged reference is a name of its own in the store, and is pulled as `latest`.
class Reference {
 public:
  /// Throws Error: "image reference 'X': …" naming the offending part and what is allowed.
  static Reference parse(std::string_view text);

  /// The same, but what stands before the first '/' is a registry whatever it looks like: "mirror/team/app:1".
  static Reference parse_located(std::string_view text);

  const std::string& domain() const { return domain_; }          ///< host[:port]
  const std::string& repository() const { return repository_; }  ///< path without the domain
  const std::optional<std::string>& tag() const { return tag_; }
  const std::optional<Digest>& digest() const { return digest_; }

  std::string locator() const { return domain_ + "/" + repository_; }
  /// `<locator>`, `<locator>:<tag>` or `<locator>@<digest>` (a digest wins over a tag).
  std::string canonical() const;

  bool operator==(const Reference&) const = default;

 private:
  static Reference parse(std::string_view text, bool is_located);

  std::string domain_;
  std::string repository_;
  std::optional<std::string> tag_;
  std::optional<Digest> digest_;
};

}  // namespace kiln::oci
