#include "disk/loop_device.h"

#include <fcntl.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cstring>

#include "base/file.h"
#include "base/text.h"
#include "base/unique_fd.h"
#include "disk/device_mapper.h"

namespace guest {
namespace {

constexpr unsigned kLoopControlMinor = 237;  // linux/miscdevice.h
constexpr std::string_view kPrefix = "/dev/loop";

Errno choose_device(std::string& device) {
  int fd = -1;
  if (Errno error = open_misc_node("/dev/loop-control", kLoopControlMinor, fd); error.failed()) return error;
  UniqueFd control{fd};
  if (device.empty()) {
    int number = ::ioctl(control.get(), LOOP_CTL_GET_FREE);
    if (number < 0) return Errno::last();
    device = std::string{kPrefix} + std::to_string(number);
    return {};
  }
  auto number = parse_decimal(device.substr(0, kPrefix.size()) == kPrefix ? device.substr(kPrefix.size()) : "");
  if (!number) return Errno{ENXIO};
  if (!exists(device) && ::ioctl(control.get(), LOOP_CTL_ADD, static_cast<long>(*number)) < 0 && errno != EEXIST)
    return Errno::last();
  return {};
}

}  // namespace

std::string attach_loop(const std::string& file, std::string& device) {
  if (Errno error = choose_device(device); error.failed()) {
    return format("looking for the loop device '%s': %s", printable(device).c_str(), error.text());
  }
  UniqueFd content{::open(file.c_str(), O_RDWR | O_CLOEXEC)};
  if (!content) return format("opening '%s': %s", printable(file).c_str(), Errno::last().text());
  UniqueFd loop{::open(device.c_str(), O_RDWR | O_CLOEXEC)};
  if (!loop) return format("opening '%s': %s", device.c_str(), Errno::last().text());
  loop_config config{};
  config.fd = static_cast<__u32>(content.get());
  std::string name = file.substr(0, sizeof config.info.lo_file_name - 1);
  std::memcpy(config.info.lo_file_name, name.data(), name.size());
  if (::ioctl(loop.get(), LOOP_CONFIGURE, &config) != 0) {
    return format("giving '%s' to '%s': %s", printable(file).c_str(), device.c_str(), Errno::last().text());
  }
  return {};
}

}  // namespace guest
