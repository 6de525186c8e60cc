#pragma once

#include <string>
#include <vector>

#include "modules/loader.h"
#include "modules/uevent.h"

namespace guest {

/// Which devices a scan looks at. `essential` leaves out what no container waits for (CPU features, the ACPI bus with
/// its buttons and batteries, input devices): their modules cost more time than all the others of a virtual machine, so
/// they load once the services run.
enum class ColdplugScope { essential, all };

/// Loads the modules for every device present, and then for the devices those modules brought up (a controller's disks,
/// a hub's ports) as `announced` tells of them, until nothing new comes. `announced` must have been open from before
/// the call.
void coldplug(ModuleLoader& loader, ColdplugScope scope, UeventSocket& announced);

/// Loads the modules for the given device aliases.
void load_for_aliases(ModuleLoader& loader, std::vector<std::string> aliases);

/// Loads the modules named in /etc/modules-load.d/*.conf (modules-load.d(5)).
void load_listed_modules(ModuleLoader& loader, Log& log);

}  // namespace guest
