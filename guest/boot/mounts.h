#pragma once

#include "base/log.h"
#include "boot/cmdline.h"

namespace guest {

/// The early mounts everything else needs: /proc, /sys, /dev with its nodes and links.
void mount_kernel_filesystems(Log& log);

/// The rest of the mount table: root read-only, /run, /tmp, /var with its directories, the small kernel file systems,
/// cgroups (v2, or v1 with `linuxkit.unified_cgroup_hierarchy=0`), and `/` made shared so that containers' mounts
/// propagate.
void mount_system(const Cmdline& cmdline, Log& log);

}  // namespace guest
