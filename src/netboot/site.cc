#include "netboot/site.h"

#include <sys/stat.h>

#include <algorithm>

#include "base/error.h"
#include "base/file.h"
#include "base/human.h"
#include "netboot/diagnosis.h"

namespace kiln::netboot {
namespace {

constexpr std::size_t kMostPolicy = 4 << 20;
// Enough for a rack that boots at once; a flood of invented machines must not fill the disk the log is on.
constexpr double kLogBurst = 5000;
constexpr double kLogLinesPerSecond = 50;

std::string state_of(const std::string& file) {
  struct stat info {};
  if (::stat(file.c_str(), &info) != 0) return "-";
  return concat(info.st_ino, " ", info.st_size, " ", info.st_mtim.tv_sec, ".", info.st_mtim.tv_nsec);
}

std::string list(const Catalog& catalog) {
  std::string text;
  for (const Catalog::System& system : catalog.systems()) {
    text += concat(text.empty() ? "" : ", ", system.label, " (", system.served_architecture(), ")");
  }
  return text;
}

/// Why there is nothing of that label for that processor, and what to do about it.
std::string nothing_for(const Catalog& catalog, const std::string& os, const std::string& architecture) {
  if (architecture == "386") {
    return concat("this machine has a 32-bit processor, which none of the systems is for: ", list(catalog));
  }
  if (architecture.empty())
    return concat("the machine does not tell what processor it has; there are: ", list(catalog));
  std::string others;
  std::string source;
  for (const Catalog::System& system : catalog.systems()) {
    if (!os.empty() && system.label != os) continue;
    others += concat(others.empty() ? "" : ", ", system.served_architecture());
    source = system.source->description();
  }
  if (os.empty()) {
    return concat("this machine is ", architecture, ", and no system for that is served, only ", list(catalog),
                  "; serve one as well, with --pxe SOURCE,arch=", architecture);
  }
  return concat("system ", quote(os), " is for ", others, ", but this machine is ", architecture,
                "; serve it for both, with --pxe ", source, ",arch=", architecture);
}

}  // namespace

std::string machine_name(const Machine& machine) {
  return machine.name.empty() ? machine.mac.to_string() : concat(machine.name, " (", machine.mac.to_string(), ")");
}

Site::Site(const Clock& clock, Reporter& reporter, const Neighbours& neighbours, Catalog& catalog,
           IpxePrograms programs, SiteSettings settings)
    : clock_{clock},
      reporter_{reporter},
      neighbours_{neighbours},
      catalog_{catalog},
      programs_{std::move(programs)},
      settings_{std::move(settings)},
      machines_{clock},
      started_{clock.now()},
      log_allowance_{kLogBurst},
      log_refilled_{clock.now()} {
  if (settings_.policy_file.empty()) return;
  policy_state_ = state_of(settings_.policy_file);
  policy_ = BootPolicy::parse(read_file(settings_.policy_file, kMostPolicy), settings_.policy_file, catalog_.labels());
}

Decision Site::decide(const MachineFacts& facts, std::uint64_t memory) const {
  BootChoice choice = policy_.choose(facts);
  if (choice.ignore) return Ignore{};
  const Catalog::System* system = catalog_.find(choice.os, facts.architecture);
  if (system == nullptr) return Refusal{nothing_for(catalog_, choice.os, facts.architecture)};
  if (system->building) return Wait{concat("system ", quote(system->label), " is being built")};
  if (!system->image) return Refusal{concat("system ", quote(system->label), " could not be built: ", system->error)};
  const std::string problem = check_memory(*system->image, choice.memory != 0 ? choice.memory : memory);
  if (!problem.empty()) return Refusal{concat("system ", quote(system->label), ": ", problem)};
  return Boot{system->image, system, std::move(choice)};
}

void Site::note(const MacAddress& mac, const Event& event, std::string_view line) {
  const Machine& machine = machines_.apply(mac, event);
  if (!line.empty() && may_log()) reporter_.info(concat(machine_name(machine), ": ", printable(line)));
}

std::optional<MacAddress> Site::whose(const std::string& ip) {
  if (const Machine* machine = machines_.find_by_ip(ip)) return machine->mac;
  return neighbours_.find(ip);
}

void Site::log(std::string_view line) {
  if (may_log()) reporter_.info(printable(line));
}

void Site::warn(std::string_view line) {
  if (may_log()) reporter_.warning(printable(line));
}

bool Site::may_log() {
  const std::chrono::nanoseconds now = clock_.now();
  const double seconds = std::chrono::duration<double>(now - log_refilled_).count();
  log_allowance_ = std::min(kLogBurst, log_allowance_ + seconds * kLogLinesPerSecond);
  log_refilled_ = now;
  if (log_allowance_ < 1) {
    if (metrics_.log_lines_left_out++ == 0) reporter_.warning("too much happens at once: log lines are left out");
    return false;
  }
  log_allowance_ -= 1;
  return true;
}

std::optional<std::string> Site::diagnosis(const Machine& machine) const { return diagnose(machine, clock_.now()); }

void Site::tick() {
  catalog_.check();
  reload_policy();
  std::map<MacAddress, std::chrono::nanoseconds> still;
  machines_.for_each([&](const Machine& machine) {
    const std::optional<std::string> diagnosis = this->diagnosis(machine);
    if (!diagnosis) return;
    const auto told = diagnosed_.find(machine.mac);
    if (told == diagnosed_.end() || told->second != machine.progress_at) {
      if (may_log()) reporter_.warning(concat(machine_name(machine), ": ", *diagnosis));
    }
    still[machine.mac] = machine.progress_at;
  });
  diagnosed_ = std::move(still);
}

void Site::reload_policy() {
  if (settings_.policy_file.empty()) return;
  const std::string state = state_of(settings_.policy_file);
  if (state == policy_state_) return;
  policy_state_ = state;
  try {
    policy_ =
        BootPolicy::parse(read_file(settings_.policy_file, kMostPolicy), settings_.policy_file, catalog_.labels());
    policy_error_.clear();
    reporter_.info(concat("read ", quote(settings_.policy_file), " again"));
  } catch (const Error& error) {
    policy_error_ = error.message();
    reporter_.warning(concat("the policy stays as it was: ", error.message()));
  }
}

}  // namespace kiln::netboot
