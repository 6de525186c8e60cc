#pragma once

#include "base/errno.h"

namespace guest {

/// Whether `/` is a ramfs or tmpfs, that is, an unpacked initramfs.
bool root_is_initramfs();

/// Gives `/` a parent mount, so that a container runtime can pivot_root, which the kernel refuses on rootfs itself
/// (pivot_root(2), "EINVAL: new_root or its parent mount is rootfs"). A bind mount of `/` is moved over `/`, which
/// copies nothing; copying the tree into a tmpfs, as others do, costs seconds and doubles the memory. Call before
/// anything is mounted.
Errno enter_movable_root();

}  // namespace guest
