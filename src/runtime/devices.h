#pragma once

#include "config/system.h"
#include "config/value.h"

namespace kiln::runtime {

/// `linux.devices`, null when there are none, and the cgroup rules that go with them, which come after `rules`
/// (spec oci-runtime.md §4).
struct Devices {
  config::Value nodes, rules;
};

/// Throws Error on a mode that is missing or not octal.
Devices container_devices(const std::vector<config::Device>& devices, config::Value rules);

}  // namespace kiln::runtime
