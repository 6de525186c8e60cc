#include "netboot/diagnosis.h"

#include "base/error.h"
#include "base/human.h"

namespace kiln::netboot {
namespace {

using namespace std::chrono_literals;

// Firmware asks again after 4, 8, 16 s (RFC 2131 §4.1), and an iPXE of 2019, as in QEMU's cards, looks for other boot
// servers for 16 s after its lease: who has had an offer for longer without loading it took none.
constexpr auto kOfferPatience = 25s;
// iPXE starts within seconds, but brings the network up once more: links with spanning tree take up to 30 s for that.
constexpr auto kScriptPatience = 45s;
// Between script, kernel and segments iPXE does nothing else.
constexpr auto kFilePatience = 20s;
// A server's firmware, unpacking, drivers and onboot containers: minutes are normal.
constexpr auto kReportPatience = 300s;

std::string times(unsigned count) { return count == 1 ? "once" : concat(count, " times"); }

std::optional<std::string> after_offer(const Machine& machine, Machine::Time silent) {
  if (machine.offered.empty() || silent < kOfferPatience) return std::nullopt;
  return concat("asked ", times(machine.asked), " and was offered ", machine.offered, ", but loads nothing for ",
                human_duration(silent),
                " now: the firmware took no offer, or another server's; is UDP port 69 (TFTP) of this host open to it, "
                "and does its firmware want this kind of boot?");
}

std::optional<std::string> after_transfer(const Machine& machine, Machine::Time silent) {
  if (machine.transfers > 0) {
    if (silent < kFilePatience) return std::nullopt;
    return concat("takes no more of ", quote(machine.file), " for ", human_duration(silent),
                  ": it was switched off, or the network between is broken");
  }
  switch (machine.stage) {
    case Stage::tftp:
      if (silent < kScriptPatience) return std::nullopt;
      return concat("loaded ", quote(machine.file), ", but asked for no script for ", human_duration(silent),
                    ": it did not start (Secure Boot refuses what is not signed), or iPXE got no address");
    case Stage::script:
      if (silent < kFilePatience) return std::nullopt;
      return concat("fetched its script, but no kernel for ", human_duration(silent),
                    ": iPXE stopped at it; its console says why");
    case Stage::kernel:
    case Stage::initramfs:
      if (machine.sent[static_cast<std::size_t>(Stage::initramfs)] <
          machine.size[static_cast<std::size_t>(Stage::initramfs)]) {
        if (silent < kFilePatience) return std::nullopt;
        return concat("has ", human_size(machine.sent[static_cast<std::size_t>(Stage::initramfs)]), " of ",
                      human_size(machine.size[static_cast<std::size_t>(Stage::initramfs)]),
                      " of the initramfs, and fetched nothing for ", human_duration(silent),
                      ": iPXE stopped; its console says why (out of memory?)");
      }
      if (silent < kReportPatience) return std::nullopt;
      return concat(
          "has all files, but did not call home for ", human_duration(silent),
          ": the kernel did not start, its network is not up, or the system cannot call home; see its console");
    case Stage::dhcp:
    case Stage::booted:
      break;
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> diagnose(const Machine& machine, Machine::Time now) {
  if (!machine.error.empty() || machine.stage == Stage::booted) return std::nullopt;
  const Machine::Time silent = now - machine.progress_at;
  return machine.stage == Stage::dhcp ? after_offer(machine, silent) : after_transfer(machine, silent);
}

}  // namespace kiln::netboot
