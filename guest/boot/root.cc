#include "boot/root.h"

#include <linux/magic.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

namespace guest {

bool root_is_initramfs() {
  struct statfs status;
  if (::statfs("/", &status) != 0) return false;
  auto type = static_cast<unsigned long>(status.f_type);
  return type == RAMFS_MAGIC || type == TMPFS_MAGIC;
}

Errno enter_movable_root() {
  constexpr char kMountPoint[] = "/.kiln-root";
  if (::mkdir(kMountPoint, 0700) != 0 && errno != EEXIST) return Errno::last();
  if (::mount("/", kMountPoint, nullptr, MS_BIND, nullptr) != 0) return Errno::last();
  if (::chdir(kMountPoint) != 0) return Errno::last();
  if (::mount(".", "/", nullptr, MS_MOVE, nullptr) != 0) return Errno::last();
  if (::chroot(".") != 0) return Errno::last();
  if (::chdir("/") != 0) return Errno::last();
  ::rmdir(kMountPoint);
  return {};
}

}  // namespace guest
