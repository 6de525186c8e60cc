#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/errno.h"
#include "base/unique_fd.h"

namespace guest {

/// The MODALIAS of a kernel uevent ("add@/devices/…" NUL "ACTION=add" NUL …) that announces a device; empty for any
/// other message.
std::string_view added_modalias(std::string_view message);

/// Hears of devices that appear after the coldplug: USB, hot-plugged NICs and disks.
class UeventSocket {
 public:
  Errno open();
  int fd() const { return fd_.get(); }
  /// The device aliases announced since the last call. If the kernel had to drop events, `overrun` is set: scan
  /// everything again.
  std::vector<std::string> read_aliases(bool& overrun);

 private:
  UniqueFd fd_;
};

}  // namespace guest
