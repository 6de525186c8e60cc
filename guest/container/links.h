#pragma once

#include <sys/types.h>

#include <string>

#include "container/spec.h"

namespace guest {

/// Gives the network namespace of process `pid` an interface: created there, created in the root namespace and moved,
/// or moved (guest.md §3.2, 1). Speaks rtnetlink(7). Returns an empty string, or what failed.
std::string give_interface(pid_t pid, const RuntimeInterface& interface);

}  // namespace guest
