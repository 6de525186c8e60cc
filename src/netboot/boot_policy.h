#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::netboot {

/// What is known of a machine that wants to boot, as text; empty: not known.
struct MachineFacts {
  std::string mac;   ///< "52:54:00:12:34:56"
  std::string uuid;  ///< lower case, with hyphens
  std::string serial;
  std::string architecture;  ///< Go's name
};

/// What a machine gets.
struct BootChoice {
  std::string name;                      ///< of the machine, for logs and the status page
  std::string os;                        ///< label of a system; empty: the first of its architecture
  std::vector<std::string> kernel_args;  ///< after the system's own
  std::uint64_t memory = 0;              ///< bytes, for firmware that does not tell; 0: unknown
  bool ignore = false;                   ///< not ours: it gets no offer and no script
};

/// One rule: all that is named must match; of each list one word must. A word may hold `*`, which stands for any text.
/// Case does not count.
struct BootRule {
  std::vector<std::string> macs, uuids, serials, architectures;
  BootChoice choice;
  bool matches(const MachineFacts& facts) const;
};

/// Who boots what: the first rule that matches, else the default. Written in YAML (docs/serve.md):
///
///     machines:
///       - name: db-1
///         match: {mac: 52:54:00:12:34:56}
///         os: database
///         kernel-args: console=ttyS1,115200 quiet
///       - match: {arch: amd64, serial: ["C7*", "C8*"]}
///         ignore: true
///     default:
///       os: web
class BootPolicy {
 public:
  BootPolicy() = default;

  /// Throws Error with every mistake, each with file:line:column and, for what is misspelt, the nearest that is right.
  /// `systems` are the labels an `os` may name.
  static BootPolicy parse(const std::string& text, const std::string& file,
                          const std::vector<std::string_view>& systems);

  BootChoice choose(const MachineFacts& facts) const;
  const std::vector<BootRule>& rules() const { return rules_; }

 private:
  std::vector<BootRule> rules_;
  BootChoice default_;
};

/// Whether the text is the pattern, `*` in which stands for any text, without regard to case.
bool matches_pattern(std::string_view pattern, std::string_view text);

}  // namespace kiln::netboot
