#pragma once

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

}  // namespace guest
