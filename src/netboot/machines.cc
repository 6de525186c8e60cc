#include "netboot/machines.h"

#include <algorithm>

#include "base/error.h"
#include "base/human.h"

namespace kiln::netboot {
namespace {

constexpr std::size_t kLongestText = 200;

std::size_t index(Stage stage) { return static_cast<std::size_t>(stage); }

/// Text from the network as it is kept: short, and safe to show anywhere that escapes for its own syntax.
std::string keep(const std::string& text) { return fit_width(printable(text), kLongestText); }

void keep_if_told(std::string& into, const std::string& told) {
  if (!told.empty()) into = keep(told);
}

/// Applies each kind of event to one machine.
class Applier {
 public:
  Applier(Machine& machine, Machine::Time now) : machine_{machine}, now_{now} {}

  void operator()(const event::Asked& asked) {
    // Firmware asks before anything else, so a machine that was further has been reset. iPXE asks once more in between.
    if (!asked.ipxe && machine_.stage > Stage::dhcp) begin_again();
    if (!asked.ipxe || machine_.firmware.empty()) keep_if_told(machine_.firmware, asked.firmware);
    keep_if_told(machine_.architecture, asked.architecture);
    keep_if_told(machine_.uuid, asked.uuid);
    keep_if_told(machine_.ip, asked.ip);
    ++machine_.asked;
    reach(Stage::dhcp);
  }

  void operator()(const event::Offered& offered) { machine_.offered = keep(offered.what); }

  void operator()(const event::Scripted& scripted) {
    // iPXE on a disk or in a card asks for its script without our having seen its DHCP.
    if (machine_.stage > Stage::script) begin_again();
    machine_.name = keep(scripted.name);
    machine_.os = keep(scripted.os);
    keep_if_told(machine_.uuid, scripted.uuid);
    keep_if_told(machine_.serial, scripted.serial);
    keep_if_told(machine_.architecture, scripted.architecture);
    keep_if_told(machine_.ip, scripted.ip);
    if (scripted.memory != 0) machine_.memory = scripted.memory;
    machine_.size[index(Stage::kernel)] = scripted.kernel_size;
    machine_.size[index(Stage::initramfs)] = scripted.initramfs_size;
    machine_.error.clear();
    reach(Stage::script);
  }

  void operator()(const event::Began& began) {
    machine_.file = keep(began.file);
    ++machine_.transfers;
    std::uint64_t& size = machine_.size[index(began.stage)];
    if (began.stage == Stage::tftp) size = machine_.sent[index(Stage::tftp)] + began.size;
    reach(began.stage);
  }

  void operator()(const event::Moved& moved) {
    machine_.sent[index(moved.stage)] += moved.bytes;
    machine_.sent_total += moved.bytes;
    machine_.progress_at = now_;
  }

  void operator()(const event::Ended& ended) {
    if (machine_.transfers > 0) --machine_.transfers;
    machine_.file = keep(ended.file);
    machine_.progress_at = now_;
  }

  void operator()(const event::Failed& failed) {
    if (machine_.transfers > 0) --machine_.transfers;
    fail(concat(failed.file, ": ", failed.reason));
  }

  void operator()(const event::Reported& reported) {
    machine_.report = keep(reported.state);
    reach(Stage::booted);
    if (reported.failed) {
      fail(reported.state);
    } else {
      machine_.error.clear();
    }
  }

  void operator()(const event::Refused& refused) { fail(refused.reason); }

 private:
  void begin_again() {
    machine_.stage = Stage::dhcp;
    machine_.reached = {};
    machine_.sent = {};
    machine_.size = {};
    machine_.transfers = 0;
    machine_.asked = 0;
    machine_.file.clear();
    machine_.report.clear();
    machine_.error.clear();
    ++machine_.boots;
  }

  /// The first time counts: segments are many files.
  void reach(Stage stage) {
    std::optional<Machine::Time>& reached = machine_.reached[index(stage)];
    if (!reached) {
      reached = now_;
      machine_.progress_at = now_;
    }
    if (stage > machine_.stage) {
      machine_.stage = stage;
      machine_.asked = 0;
    }
  }

  void fail(const std::string& why) {
    machine_.error = fit_width(printable(why), 2 * kLongestText);
    machine_.error_at = now_;
  }

  Machine& machine_;
  Machine::Time now_;
};

}  // namespace

std::string_view name_of(Stage stage) {
  constexpr std::array<std::string_view, kStages> kNames{"dhcp", "tftp", "script", "kernel", "initramfs", "booted"};
  return kNames[index(stage)];
}

const Machine& Machines::apply(const MacAddress& mac, const Event& event) {
  Machine& machine = this->machine(mac);
  ranks_.erase(rank(machine));
  const std::string ip = machine.ip;
  machine.last_seen = clock_.now();
  std::visit(Applier{machine, machine.last_seen}, event);
  ranks_.insert(rank(machine));
  if (machine.ip != ip) {
    if (const auto old = ips_.find(ip); old != ips_.end() && old->second == mac) ips_.erase(old);
    ips_[machine.ip] = mac;  // the address may have been another machine's before: who had it last is meant
  }
  return machine;
}

Machine& Machines::machine(const MacAddress& mac) {
  const auto found = machines_.find(mac);
  if (found != machines_.end()) return found->second;
  if (machines_.size() >= most_) forget_one();
  Machine& machine = machines_[mac];
  machine.mac = mac;
  machine.first_seen = machine.last_seen = clock_.now();
  return machine;
}

void Machines::forget_one() {
  const MacAddress mac = ranks_.begin()->mac;
  ranks_.erase(ranks_.begin());
  const auto machine = machines_.find(mac);
  if (const auto ip = ips_.find(machine->second.ip); ip != ips_.end() && ip->second == mac) ips_.erase(ip);
  machines_.erase(machine);
  ++forgotten_;
}

Machines::Rank Machines::rank(const Machine& machine) {
  return {machine.stage > Stage::dhcp || machine.boots > 1, machine.last_seen, machine.mac};
}

const Machine* Machines::find(const MacAddress& mac) const {
  const auto found = machines_.find(mac);
  return found == machines_.end() ? nullptr : &found->second;
}

const Machine* Machines::find_by_ip(const std::string& ip) const {
  const auto found = ips_.find(ip);
  return found == ips_.end() ? nullptr : find(found->second);
}

std::vector<const Machine*> Machines::list() const {
  std::vector<const Machine*> all;
  all.reserve(machines_.size());
  for (const auto& [mac, machine] : machines_) all.push_back(&machine);
  std::stable_sort(all.begin(), all.end(),
                   [](const Machine* a, const Machine* b) { return a->first_seen < b->first_seen; });
  return all;
}

void Machines::for_each(const std::function<void(const Machine&)>& visit) const {
  for (const auto& [mac, machine] : machines_) visit(machine);
}

}  // namespace kiln::netboot
