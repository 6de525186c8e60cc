#pragma once

#include "base/log.h"
#include "boot/cmdline.h"

namespace guest {

/// The small steps between the mounts and the containers; each logs its own failure and the boot goes on.
void bring_up_loopback(Log& log);
void raise_limits(Log& log);
void set_clock_from_rtc(Log& log);
void set_hostname(Log& log);
/// If /etc/resolv.conf is a symlink, makes sure its target exists.
void prepare_resolv_conf(Log& log);
/// Writes /etc/issue to every console, if there is one.
void show_issue(const Cmdline& cmdline);
/// Runs the executable files of /etc/init.d in name order. LinuxKit's own scripts for what PID 1 does itself are left
/// out.
void run_init_scripts(Log& log);

}  // namespace guest
