#include "runtime/check.h"

#include "runtime/capabilities.h"
#include "runtime/devices.h"
#include "runtime/mounts.h"
#include "runtime/rlimits.h"

namespace kiln::runtime {
namespace {

using Texts = std::optional<std::vector<std::string>>;

/// Tries each element of a list.
template <typename T, typename Try>
void check(std::string_view key, const std::optional<std::vector<T>>& list, const config::OptionMistake& mistake,
           const Try& attempt) {
  for (std::size_t i = 0; list && i < list->size(); ++i) {
    try {
      attempt((*list)[i]);
    } catch (const Error& error) {
      mistake(key, i, error);
    }
  }
}

void check_capabilities(std::string_view key, const Texts& list, const config::OptionMistake& mistake) {
  if (!list || is_every_capability(*list) || is_no_capability(*list)) return;
  check(key, list, mistake, check_capability);
}

}  // namespace

void check_options(const config::ContainerOptions& options, const config::OptionMistake& mistake) {
  check_capabilities("capabilities", options.capabilities, mistake);
  check_capabilities("ambient", options.ambient, mistake);
  check("binds", options.binds, mistake, parse_bind);
  // Beside the list itself, additions to a label's have no effect.
  if (!options.capabilities) check_capabilities("capabilities.add", options.capabilities_add, mistake);
  if (!options.binds) check("binds.add", options.binds_add, mistake, parse_bind);
  check("tmpfs", options.tmpfs, mistake, parse_tmpfs);
  check("mounts", options.mounts, mistake, complete_mount);
  check("rlimits", options.rlimits, mistake, parse_rlimit);
  check("devices", options.devices, mistake, [](const config::Device& device) { container_devices({device}, {}); });
}

}  // namespace kiln::runtime
