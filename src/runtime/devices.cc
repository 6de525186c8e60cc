#include "runtime/devices.h"

#include <charconv>

#include "base/error.h"

namespace kiln::runtime {
namespace {

using config::Device;
using config::Value;

std::uint32_t parse_mode(const Device& device) {
  std::uint32_t mode = 0;
  const char* end = device.mode.data() + device.mode.size();
  const auto [stop, error] = std::from_chars(device.mode.data(), end, mode, 8);
  if (error == std::errc{} && stop == end && mode <= 07777) return mode;
  throw Error{"cannot parse device mode as octal value: ", quote(device.mode), " for ", quote(device.path)}.with_hint(
      "write mode: \"0666\", in quotes");
}

}  // namespace

Devices container_devices(const std::vector<Device>& devices, Value rules) {
  Devices result{{}, std::move(rules)};
  for (const Device& device : devices) {
    Value rule;
    rule.add("allow", true).add("type", device.type);
    if (device.path != "all") {
      const std::uint32_t mode = parse_mode(device);
      rule.add("major", device.major).add("minor", device.minor);
      result.nodes.append(Value{}
                              .add("path", device.path)
                              .add("type", device.type)
                              .add("major", device.major)
                              .add("minor", device.minor)
                              .add("fileMode", mode));
    }
    result.rules.append(rule.add("access", "rwm"));
  }
  return result;
}

}  // namespace kiln::runtime
