#include <string>
#include <string_view>

#include "applets/applets.h"
#include "applets/sysctl_line.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"

namespace guest {
namespace {

void apply_line(std::string_view line, const std::string& where, const std::string& root, Log& log) {
  SysctlSetting setting;
  std::string problem = parse_sysctl_line(line, setting);
  if (!problem.empty()) return log.line(format("sysctl: %s: %s", where.c_str(), problem.c_str()));
  if (setting.path.empty()) return;
  Errno error = write_value(root + "/" + setting.path, setting.value);
  if (!error.failed() || setting.optional) return;
  log.line(format("sysctl: %s: setting '%s' to '%s': %s", where.c_str(), printable(setting.path).c_str(),
                  printable(setting.value).c_str(), error.text()));
}

void apply_file(const std::string& path, const std::string& root, Log& log) {
  std::string text;
  if (Errno error = read_file(path, text); error.failed()) {
    return log.line(format("sysctl: reading '%s': %s", printable(path).c_str(), error.text()));
  }
  std::string_view rest = text;
  std::string_view line;
  for (int number = 1; take_line(rest, line); ++number) {
    apply_line(line, format("%s:%d", printable(path).c_str(), number), root, log);
  }
}

}  // namespace

int sysctl_main(int argc, char** argv) {
  StderrLog log;
  std::string directory = "/etc/sysctl.d";
  std::string root = "/proc/sys";
  for (int i = 1; i < argc; ++i) {
    std::string_view argument = argv[i];
    if (argument.substr(0, 2) == "--") argument.remove_prefix(1);
    if (argument == "-configDir" && i + 1 < argc) {
      directory = argv[++i];
    } else if (argument == "-sysctlDir" && i + 1 < argc) {
      root = argv[++i];
    } else {
      log.line("usage: sysctl [-configDir DIR] [-sysctlDir DIR]");
      return 2;
    }
  }
  for (const std::string& name : list_directory(directory)) {
    std::string path = directory;
    path.append("/").append(name);
    if (!is_directory(path)) apply_file(path, root, log);
  }
  return 0;
}

}  // namespace guest
