#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "netboot/mac_address.h"

namespace kiln::netboot {

/// How far a machine has come, in the order of a boot.
enum class Stage { dhcp, tftp, script, kernel, initramfs, booted };
inline constexpr std::size_t kStages = 6;
std::string_view name_of(Stage stage);

/// What happens to a machine. Text in it comes from the network and is clipped and made printable when it is applied.
namespace event {

/// Its firmware, or iPXE, asked for an address and something to boot.
struct Asked {
  std::string firmware;      ///< "arm64 UEFI", "iPXE"
  std::string architecture;  ///< Go's name; empty: not known
  std::string uuid, ip;      ///< empty: not told
  bool ipxe = false;         ///< it runs iPXE already: the same boot goes on
};
/// It was offered something: "ipxe-arm64.efi by TFTP".
struct Offered {
  std::string what;
};
/// It fetched its script.
struct Scripted {
  std::string name, os, uuid, serial, architecture, ip;
  std::uint64_t memory = 0;  ///< bytes; 0: not told
  std::uint64_t kernel_size = 0, initramfs_size = 0;
};
/// A transfer to it: of a stage, since an initramfs may be many files.
struct Began {
  Stage stage;
  std::string file;
  std::uint64_t size = 0;
};
struct Moved {
  Stage stage;
  std::uint64_t bytes = 0;  ///< since the last Began or Moved
};
struct Ended {
  Stage stage;
  std::string file;
};
struct Failed {
  Stage stage;
  std::string file, reason;
};
/// It called home. `failed` when what it says is that something went wrong.
struct Reported {
  std::string state;
  bool failed = false;
};
/// It will not boot, and why.
struct Refused {
  std::string reason;
};

}  // namespace event

using Event = std::variant<event::Asked, event::Offered, event::Scripted, event::Began, event::Moved, event::Ended,
                           event::Failed, event::Reported, event::Refused>;

/// One machine, as far as it has told. Times are those of the clock.
struct Machine {
  using Time = std::chrono::nanoseconds;

  MacAddress mac;
  std::string name;  ///< given by the policy
  std::string uuid, serial, architecture, firmware, ip, os;
  std::uint64_t memory = 0;

  Time first_seen{}, last_seen{};
  Stage stage = Stage::dhcp;                           ///< the furthest of this boot
  std::array<std::optional<Time>, kStages> reached{};  ///< of this boot
  std::uint64_t boots = 1;                             ///< how often it began anew

  // Of this boot, by stage. `size` is what is expected in all, 0 when not known.
  std::array<std::uint64_t, kStages> sent{}, size{};
  std::uint64_t sent_total = 0;  ///< of all boots
  std::string file;              ///< being transferred, or the last one
  unsigned transfers = 0;        ///< under way

  unsigned asked = 0;   ///< since it last got further
  std::string offered;  ///< what, last
  std::string report;   ///< what it said of itself, last
  std::string error;    ///< in words; empty: none in this boot
  Time error_at{};
  Time progress_at{};  ///< when it last got further

  bool has_reached(Stage which) const { return reached[static_cast<std::size_t>(which)].has_value(); }
};

/// All machines seen, by MAC address. Bounded: when there are too many, the one that has been silent longest goes, of
/// those that never got beyond DHCP first, so that a flood of invented addresses pushes out no real machine.
class Machines {
 public:
  static constexpr std::size_t kMost = 4096;

  explicit Machines(const Clock& clock, std::size_t most = kMost) : clock_{clock}, most_{most} {}

  /// Takes note; returns the machine as it is now, valid until the next apply().
  const Machine& apply(const MacAddress& mac, const Event& event);

  const Machine* find(const MacAddress& mac) const;
  const Machine* find_by_ip(const std::string& ip) const;
  std::size_t size() const { return machines_.size(); }
  std::uint64_t forgotten() const { return forgotten_; }

  /// Every machine, those that came first at the front.
  std::vector<const Machine*> list() const;
  void for_each(const std::function<void(const Machine&)>& visit) const;

 private:
  /// Whom to forget first: those that only asked, then by silence.
  struct Rank {
    bool serious;
    Machine::Time last_seen;
    MacAddress mac;
    auto operator<=>(const Rank&) const = default;
  };
  static Rank rank(const Machine& machine);

  Machine& machine(const MacAddress& mac);
  void forget_one();

  const Clock& clock_;
  std::size_t most_;
  std::map<MacAddress, Machine> machines_;
  std::set<Rank> ranks_;
  std::map<std::string, MacAddress> ips_;
  std::uint64_t forgotten_ = 0;
};

}  // namespace kiln::netboot
