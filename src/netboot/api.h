#pragma once

#include <string>

namespace kiln::netboot {

class Site;

// The JSON that the status page is made of, and other programs may read (docs/serve.md). Text from the network may hold
// anything but control characters: whoever shows it has to escape it.
std::string machines_json(const Site& site);
std::string systems_json(Site& site);

}  // namespace kiln::netboot
