#pragma once

#include <string>
#include <string_view>

#include "base/errno.h"

namespace guest {

/// One device-mapper target of the kind "crypt" over the whole of `device` (Linux, "dm-crypt").
struct CryptTarget {
  std::string cipher;  ///< "aes-cbc-essiv:sha256", "aes-xts-plain64"
  std::string key;     ///< raw bytes
  std::string device;
};

/// Makes the mapping `name` and its node /dev/mapper/NAME. Returns an empty string, or what failed and why.
std::string map_crypt(const std::string& name, const CryptTarget& target);

/// Opens a node of the misc devices (`/dev/mapper/control`, `/dev/loop-control`), which is made if it is missing:
/// opening it then has the kernel load the module.
Errno open_misc_node(const std::string& path, unsigned minor, int& fd);

}  // namespace guest
