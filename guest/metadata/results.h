#pragma once

#include <string>

#include "base/log.h"
#include "metadata/metadata.h"

namespace guest {

/// Writes what was found below `directory` as LinuxKit's metadata package does: `provider`, `hostname`, `userdata`,
/// `ssh/authorized_keys` (0600), the other values, and the files that JSON user data asks for. False if something could
/// not be written.
bool write_results(const Metadata& metadata, const std::string& directory, Log& log);

/// The first line of what a source calls the host name, if it may be one: trimmed, at most 64 bytes, no blanks.
std::string clean_hostname(const std::string& text);

}  // namespace guest
