#pragma once

#include <string_view>

namespace kiln::oci {

/// Where short names live (spec yaml.md §9).
inline constexpr std::string_view kDefaultDomain = "docker.io";

}  // namespace kiln::oci
