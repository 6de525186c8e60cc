#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "machine/redfish/service.h"

namespace kiln::machine::redfish {

/// What the machine is to boot, once.
struct BootSource {
  enum class Kind {
    http,  ///< UEFI HTTP boot of `url`, which is an EFI program or an image of a disk
    pxe,
    iso  ///< `url` as a CD in a virtual drive
  };
  Kind kind = Kind::pxe;
  std::string url;
};

/// How long each step may take before it counts as failed.
struct Patience {
  std::chrono::nanoseconds power = std::chrono::minutes{3};
  std::chrono::nanoseconds boot = std::chrono::minutes{15};  ///< from power on to a running system
};

/// The system called `wanted` (its Id, name or path), or if that is empty the only one. Throws Error that lists them.
System find_system(Service& service, const Root& root, const std::string& wanted);

System reload(Service& service, const System& system);

/// Go's name, by its processors; empty if they do not tell.
std::string architecture_of(Service& service, const System& system);

/// Makes `source` what the next boot is from, and that one only. Throws Error, with what the machine can boot from if
/// that is told.
void override_boot(Service& service, const System& system, const BootSource& source, Reporter& reporter);

/// Inserts the image at `url` into a virtual CD drive, in place of what is there. Returns the path of the drive.
std::string insert_cd(Service& service, const System& system, const std::string& url, Reporter& reporter);
void eject_cd(Service& service, const std::string& drive, Reporter& reporter) noexcept;

/// Switches the machine on, or restarts it at once if it is, and waits until it says that it is on.
void power_cycle(Service& service, const System& system, Waiter& waiter, const Patience& patience, Reporter& reporter);

/// Says what BootProgress goes through, until the operating system runs. Returns false at once if the BMC does not tell
/// the progress. Throws Error if it is not there in time.
bool follow_progress(Service& service, const System& system, Waiter& waiter, const Patience& patience,
                     Reporter& reporter);

}  // namespace kiln::machine::redfish
