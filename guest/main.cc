#include <cstring>
#include <string>

#include "applets/applets.h"
#include "base/log.h"

namespace {

struct Applet {
  const char* name;
  int (*main)(int argc, char** argv);
};

constexpr Applet kApplets[] = {
    {"init", guest::init_main},         {"service", guest::service_main},   {"sysctl", guest::sysctl_main},
    {"modprobe", guest::modprobe_main}, {"poweroff", guest::poweroff_main}, {"reboot", guest::poweroff_main},
    {"halt", guest::poweroff_main},     {"rungetty", guest::rungetty_main}, {"metadata", guest::metadata_main},
    {"sysfs", guest::sysfs_main},       {"kmsg", guest::kmsg_main},         {"format", guest::format_main},
    {"mountie", guest::mountie_main},   {"swap", guest::swap_main},         {"swap.sh", guest::swap_main},
    {"loopy", guest::loopy_main},       {"crypto", guest::crypto_main},
};

const Applet* find_applet(const char* path) {
  const char* slash = std::strrchr(path, '/');
  const char* name = slash != nullptr ? slash + 1 : path;
  for (const Applet& applet : kApplets) {
    if (std::strcmp(applet.name, name) == 0) return &applet;
  }
  return nullptr;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 0) {
    if (const Applet* applet = find_applet(argv[0])) return applet->main(argc, argv);
  }
  if (argc > 1) {
    if (const Applet* applet = find_applet(argv[1])) return applet->main(argc - 1, argv + 1);
  }
  std::string usage = "usage: kiln-guest APPLET [ARGUMENT…], where APPLET is one of";
  for (const Applet& applet : kApplets) usage += std::string{" "} + applet.name;
  guest::StderrLog{}.line(usage);
  return 2;
}
