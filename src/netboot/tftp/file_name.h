#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace kiln::tftp {

// Internal to this folder.

/// A name as clients send it ("/ipxe.efi", "\\boot\\bcd", "./a//b") as a path below an unnamed root ("ipxe.efi",
/// "boot/bcd", "a/b"). Nothing for one that leads out of it, names nothing, or has control characters.
std::optional<std::string> clean_name(std::string_view name);

}  // namespace kiln::tftp
