#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace guest {

/// One `console=DEV[,SPEED…]` of the kernel command line.
struct ConsoleToken {
  std::string device;   ///< "ttyAMA0"
  std::string options;  ///< "115200n8", empty if none were given
  friend bool operator==(const ConsoleToken&, const ConsoleToken&) = default;
};

/// The kernel command line, split as the kernel splits it: at blanks, except inside double quotes.
class Cmdline {
 public:
  explicit Cmdline(std::string_view text);

  /// Whether `token` stands there exactly.
  bool has(std::string_view token) const;
  /// The consoles in the order given, each device once, the first mention counts.
  std::vector<ConsoleToken> consoles() const;
  const std::vector<std::string>& tokens() const { return tokens_; }

 private:
  std::vector<std::string> tokens_;
};

/// The running kernel's command line, from /proc.
Cmdline read_cmdline();

/// The consoles that are terminals here: those of the command line that `exists` has as devices; if there are none, the
/// kernel's own choice (firmware's SPCR table, the device tree's stdout-path), as /sys/class/tty/console/active names
/// it in `active`.
std::vector<ConsoleToken> consoles_in_use(const Cmdline& cmdline, std::string_view active,
                                          const std::function<bool(const std::string& device)>& exists);
/// The same of the running system.
std::vector<ConsoleToken> consoles_in_use(const Cmdline& cmdline);

}  // namespace guest
