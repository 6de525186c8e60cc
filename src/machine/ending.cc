#include "machine/ending.h"

namespace kiln::machine {

int exit_status(Ending ending) {
  constexpr int kPanicked = 3;
  constexpr int kRebooted = 4;
  constexpr int kUnplugged = 130;
  switch (ending) {
    case Ending::running:
    case Ending::powered_off:
      return 0;
    case Ending::panicked:
      return kPanicked;
    case Ending::rebooted:
      return kRebooted;
    case Ending::unplugged:
      break;
  }
  return kUnplugged;
}

Ending ending_after(const QmpMessage& message, const std::function<std::string()>& console_tail) {
  if (message.kind != QmpMessage::Kind::event) return Ending::running;
  if (message.text == "GUEST_PANICKED") return Ending::panicked;
  const bool reset = message.reason == "guest-reset";
  if (message.text == "RESET") return reset && tells_of_panic(console_tail()) ? Ending::panicked : Ending::running;
  if (message.text != "SHUTDOWN") return Ending::running;
  if (message.reason == "guest-panic") return Ending::panicked;
  if (reset) return tells_of_panic(console_tail()) ? Ending::panicked : Ending::rebooted;
  return message.reason == "guest-shutdown" ? Ending::powered_off : Ending::unplugged;
}

// kernel/panic.c. A panic's own output, with registers and stacks of every processor, is a few kilobytes.
bool tells_of_panic(std::string_view console) {
  constexpr std::size_t kMostOutput = 16 << 10;
  if (console.size() > kMostOutput) console = console.substr(console.size() - kMostOutput);
  return console.find("Kernel panic - not syncing") != std::string_view::npos;
}

}  // namespace kiln::machine
