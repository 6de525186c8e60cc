#pragma once

#include "boot/console.h"

namespace guest {

/// How the system ends.
enum class Ending { poweroff, reboot, halt };

const char* ending_name(Ending ending);

/// The last steps of PID 1: ends every process left, writes everything to disk, unmounts, and asks the kernel. Does not
/// return.
[[noreturn]] void end_system(Ending ending, Console& console);

/// reboot(2) for `ending`, at once. Returns only if the kernel refuses; errno says why.
void ask_kernel(Ending ending);

}  // namespace guest
