#include <sys/stat.h>
#include <unistd.h>

#include <functional>

#include "applets/applets.h"
#include "base/file.h"
#include "base/text.h"
#include "boot/cmdline.h"
#include "boot/console.h"
#include "boot/mounts.h"
#include "boot/root.h"
#include "boot/system.h"
#include "boot/xattrs.h"
#include "container/prepare.h"
#include "modules/uevent.h"
#include "supervise/module_worker.h"
#include "supervise/supervisor.h"

namespace guest {
namespace {

/// A driver that takes longer than this must not hold up the boot; its device then comes late.
constexpr Milliseconds kModuleLimit{30'000};

void enter_root(Console& console) {
  if (!root_is_initramfs()) return;
  if (Errno error = enter_movable_root(); error.failed()) {
    console.line(format("kiln: making the root movable: %s; containers may not start", error.text()));
  }
}

void load_modules(Console& console, UeventSocket& uevents, Microseconds begin) {
  if (Errno error = uevents.open(); error.failed())
    console.line(format("kiln: listening for devices: %s", error.text()));
  int loaded = load_boot_modules(console, uevents, kModuleLimit);
  if (loaded < 0) {
    console.line("kiln: modules are still loading after 30s: going on");
  } else {
    console.line(format("kiln: %d modules loaded (%.2fs)", loaded, seconds(since_boot() - begin)));
  }
}

void set_up_system(const Cmdline& cmdline, Console& console) {
  bring_up_loopback(console);
  raise_limits(console);
  set_clock_from_rtc(console);
  set_hostname(console);
  prepare_resolv_conf(console);
  show_issue(cmdline);
  run_init_scripts(console);
}

void mount_volumes(Console& console) {
  constexpr char kVolumes[] = "/containers/volumes";
  for (const std::string& name : list_directory(kVolumes)) {
    std::string problem = mount_volume(std::string{kVolumes} + "/" + name);
    if (!problem.empty()) console.line(format("kiln: volume '%s': %s", printable(name).c_str(), problem.c_str()));
  }
}

}  // namespace

int init_main(int, char**) {
  if (::getpid() != 1) {
    StderrLog{}.line("init: this is the system's first process; it cannot be started again");
    return 1;
  }
  Microseconds begin = since_boot();
  ::umask(022);
  ::setsid();
  Console console;
  UeventSocket uevents;
  std::vector<Stage> stages;
  auto stage = [&](const char* name, const std::function<void()>& work) {
    Microseconds from = since_boot();
    work();
    stages.push_back({name, from, since_boot()});
  };

  stage("root", [&] { enter_root(console); });
  stage("xattrs", [&] { apply_xattr_table(console); });
  stage("early mounts", [&] { mount_kernel_filesystems(console); });
  console.open();
  Cmdline cmdline = read_cmdline();
  stage("mounts", [&] { mount_system(cmdline, console); });
  console.line(format("kiln: root and mounts ready (%.2fs)", seconds(since_boot() - begin)));
  stage("modules", [&] { load_modules(console, uevents, since_boot()); });
  stage("system", [&] { set_up_system(cmdline, console); });
  stage("volumes", [&] { mount_volumes(console); });
  Supervisor{console, cmdline, uevents, std::move(stages), begin}.run();
}

}  // namespace guest
