#include "supervise/power.h"

#include <fcntl.h>
#include <linux/input.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/file.h"

namespace guest {
namespace {

bool has_power_key(int fd) {
  unsigned char keys[KEY_MAX / 8 + 1] = {};
  if (::ioctl(fd, EVIOCGBIT(EV_KEY, sizeof keys), keys) < 0) return false;
  return (keys[KEY_POWER / 8] >> (KEY_POWER % 8) & 1) != 0;
}

}  // namespace

void PowerButton::scan() {
  for (const std::string& name : list_directory("/dev/input")) {
    if (name.substr(0, 5) != "event" || devices_.contains(name)) continue;
    UniqueFd fd{::open(("/dev/input/" + name).c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)};
    if (!fd || !has_power_key(fd.get())) continue;
    if (loop_.watch(fd.get(), EPOLLIN, [this, name](std::uint32_t) { read(name); }).failed()) continue;
    devices_[name] = std::move(fd);
  }
}

void PowerButton::read(const std::string& name) {
  auto found = devices_.find(name);
  if (found == devices_.end()) return;
  input_event events[16];
  ssize_t got = ::read(found->second.get(), events, sizeof events);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) {  // unplugged
    loop_.forget(found->second.get());
    devices_.erase(found);
    return;
  }
  bool down = false;
  for (std::size_t i = 0; i < static_cast<std::size_t>(got) / sizeof(input_event); ++i) {
    down = down || (events[i].type == EV_KEY && events[i].code == KEY_POWER && events[i].value == 1);
  }
  if (down) pressed_();
}

}  // namespace guest
