#pragma once

#include <string>
#include <string_view>

#include "base/errno.h"

namespace guest {

/// Sends one request line to PID 1 and waits for its answer. ENOENT or ECONNREFUSED if PID 1 cannot be reached from
/// here: in a container, /run must be bound.
Errno ask_init(std::string_view request, std::string& answer);

/// Whether the process numbered 1 here is the system's init, not a container's own first process.
bool sees_system_init();

/// Enters PID 1's mount namespace and root, if this is a container with `pid: host` and the capabilities for it.
/// Nothing happens outside a container.
Errno enter_host();

}  // namespace guest
