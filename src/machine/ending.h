#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "machine/qmp.h"

namespace kiln::machine {

/// How a machine's run came to its end.
enum class Ending {
  running,      ///< it has not
  powered_off,  ///< by the guest
  panicked,     ///< the guest's kernel did
  rebooted,     ///< by the guest, and it was not to (--no-reboot)
  unplugged     ///< by the user: Ctrl-A X, a closed window, a second signal
};

/// The exit status of `kiln run`: 0 powered off, 3 panicked, 4 rebooted, 130 unplugged.
int exit_status(Ending ending);

/// What a message from QEMU means for the run. `console_tail` is asked for the last that the guest printed: only there
/// does a panic that ends in a restart differ from a reboot.
Ending ending_after(const QmpMessage& message, const std::function<std::string()>& console_tail);

/// Whether the last lines of a console are those of a Linux kernel that panicked.
bool tells_of_panic(std::string_view console);

}  // namespace kiln::machine
