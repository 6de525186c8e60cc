#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace kiln::oci {

/// RFC 4648 §4, as HTTP Basic authentication and credential files use it.
std::string base64_encode(std::string_view data);
/// Nothing unless it is that; missing padding is allowed, as some tools leave it out.
std::optional<std::string> base64_decode(std::string_view text);

}  // namespace kiln::oci
