#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::oci {

/// What a registry asks for in a WWW-Authenticate header (RFC 9110 §11.6.1).
struct Challenge {
  std::string scheme;                             ///< lower case: "bearer", "basic"
  std::map<std::string, std::string> parameters;  ///< names in lower case
  bool operator==(const Challenge&) const = default;
};

/// Every challenge in the header, as far as it can be understood: what cannot is left out, never an error, since a
/// registry may offer schemes we do not know.
std::vector<Challenge> parse_challenges(std::string_view header);

}  // namespace kiln::oci
