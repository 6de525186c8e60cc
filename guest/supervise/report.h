#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "supervise/unit.h"

namespace guest {

/// A stage of the boot. Times are since the kernel started.
struct Stage {
  std::string name;
  Microseconds begin{};
  Microseconds end{};
};

/// One container as a JSON object; see README.md, "service ls --json".
std::string unit_json(const Unit& unit);

/// The content of /run/kiln/boot.json; see README.md.
std::string boot_json(const std::vector<Stage>& stages, const std::vector<const Unit*>& units, int runtime_copies,
                      std::uint64_t used_kib);

}  // namespace guest
