#pragma once

#include <sys/types.h>

#include <string_view>

namespace guest {

/// Whether sending `signal` to the process whose /proc/PID/status is `status` would do nothing: it is the first process
/// of its own pid namespace and neither catches nor blocks the signal, so the kernel drops it (pid_namespaces(7)).
/// Waiting ten seconds for such a process to obey is waiting for nothing.
bool is_deaf(std::string_view status, int signal);

/// The same for a running process.
bool is_deaf_to(pid_t pid, int signal);

}  // namespace guest
