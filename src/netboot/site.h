#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/reporter.h"
#include "netboot/boot_policy.h"
#include "netboot/catalog.h"
#include "netboot/ipxe_programs.h"
#include "netboot/machines.h"
#include "netboot/metrics.h"
#include "netboot/neighbours.h"

namespace kiln::netboot {

/// What the user decides of how machines boot.
struct SiteSettings {
  std::string base_url;                  ///< http://HOST:PORT, where machines on the network reach us
  std::vector<std::string> kernel_args;  ///< for all
  std::optional<std::string> console;    ///< instead of the target's own; empty: none
  std::string policy_file;               ///< empty: none
};

/// What a machine that asks is to be told.
struct Boot {
  std::shared_ptr<const BootImage> image;
  const Catalog::System* system;
  BootChoice choice;
};
struct Refusal {
  std::string reason;
};
struct Wait {
  std::string what;  ///< "'web' is being built"
};
struct Ignore {};
using Decision = std::variant<Boot, Refusal, Wait, Ignore>;

/// What all protocols of the boot server share: who the machines are, what there is for them, what has happened. One
/// thread's.
class Site {
 public:
  /// All references must outlive it. Throws Error if the policy has mistakes.
  Site(const Clock& clock, Reporter& reporter, const Neighbours& neighbours, Catalog& catalog, IpxePrograms programs,
       SiteSettings settings);

  const SiteSettings& settings() const { return settings_; }
  const Clock& clock() const { return clock_; }
  Catalog& catalog() { return catalog_; }
  const IpxePrograms& programs() const { return programs_; }
  const Machines& machines() const { return machines_; }
  Metrics& metrics() { return metrics_; }
  std::chrono::nanoseconds uptime() const { return clock_.now() - started_; }
  const std::string& policy_error() const { return policy_error_; }

  BootChoice choose(const MachineFacts& facts) const { return policy_.choose(facts); }
  /// `memory` in bytes, 0 if the machine did not tell.
  Decision decide(const MachineFacts& facts, std::uint64_t memory) const;

  /// Takes note of what happened to a machine and, unless `line` is empty, writes it into the log.
  void note(const MacAddress& mac, const Event& event, std::string_view line = "");
  /// The machine that has this address, if any is known to; asks the kernel for those on this network.
  std::optional<MacAddress> whose(const std::string& ip);
  /// Into the log, not about a machine we know.
  void log(std::string_view line);
  void warn(std::string_view line);

  /// Once a second: says what is wrong with machines that have gone silent, and looks for changed files.
  void tick();
  /// Why the machine is silent, if it is (diagnosis.h).
  std::optional<std::string> diagnosis(const Machine& machine) const;

 private:
  bool may_log();
  void reload_policy();

  const Clock& clock_;
  Reporter& reporter_;
  const Neighbours& neighbours_;
  Catalog& catalog_;
  IpxePrograms programs_;
  SiteSettings settings_;
  BootPolicy policy_;
  std::string policy_state_, policy_error_;
  Machines machines_;
  Metrics metrics_;
  std::chrono::nanoseconds started_;
  /// What was last said of a silent machine, by when it fell silent: each silence is told once.
  std::map<MacAddress, std::chrono::nanoseconds> diagnosed_;
  double log_allowance_;
  std::chrono::nanoseconds log_refilled_;
};

/// "web-1 (52:54:00:12:34:56)", or the address alone.
std::string machine_name(const Machine& machine);

}  // namespace kiln::netboot
