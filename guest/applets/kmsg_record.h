#pragma once

#include <string>
#include <string_view>

namespace guest {

/// A record of /dev/kmsg ("PRIORITY,SEQUENCE,MICROSECONDS,FLAGS;TEXT\n KEY=VALUE\n…", Linux' ABI/testing/dev-kmsg) as a
/// line: "(SEQUENCE) - SECONDS: TEXT". Empty if it is no such record.
std::string kmsg_line(std::string_view record);

}  // namespace guest
