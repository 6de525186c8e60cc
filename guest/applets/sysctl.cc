#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "applets/applets.h"
#include "applets/flags.h"
#include "applets/sysctl_line.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"

namespace guest {
namespace {

/// Writes what the files of a directory say below another one; counts what could not be.
class Settings {
 public:
  Settings(const char* applet, std::string root, Log& log) : applet_(applet), root_(std::move(root)), log_(log) {}

  void apply_directory(const std::string& directory) {
    for (const std::string& name : list_directory(directory)) {
      std::string path = directory;
      path.append("/").append(name);
      if (!is_directory(path)) apply_file(path);
    }
  }
  int failures() const { return failures_; }

 private:
  void fail(const std::string& text) {
    ++failures_;
    log_.line(std::string{applet_} + ": " + text);
  }

  void apply_line(std::string_view line, const std::string& where) {
    SysctlSetting setting;
    std::string problem = parse_sysctl_line(line, root_, setting);
    if (!problem.empty()) return fail(where + ": " + problem);
    if (setting.path.empty()) return;
    Errno error = write_value(root_ + "/" + setting.path, setting.value);
    if (!error.failed() || setting.optional) return;
    fail(format("%s: setting '%s' to '%s': %s", where.c_str(), printable(setting.path).c_str(),
                printable(setting.value).c_str(), error.text()));
  }

  void apply_file(const std::string& path) {
    std::string text;
    if (Errno error = read_file(path, text); error.failed()) {
      return fail(format("reading '%s': %s", printable(path).c_str(), error.text()));
    }
    std::string_view rest = text;
    std::string_view line;
    for (int number = 1; take_line(rest, line); ++number) {
      apply_line(line, format("%s:%d", printable(path).c_str(), number));
    }
  }

  const char* applet_;
  std::string root_;
  Log& log_;
  int failures_ = 0;
};

}  // namespace

int sysctl_main(int argc, char** argv) {
  StderrLog log;
  std::string directory = "/etc/sysctl.d";
  std::string root = "/proc/sys";
  std::vector<std::string> rest;
  std::string problem = parse_flags(argc, argv, {{"configDir", &directory}, {"sysctlDir", &root}}, rest);
  if (!problem.empty() || !rest.empty()) {
    log.line("usage: sysctl [-configDir DIR] [-sysctlDir DIR]");
    return 2;
  }
  // A parameter that this kernel has not is no reason to stop.
  Settings{"sysctl", root, log}.apply_directory(directory);
  return 0;
}

int sysfs_main(int argc, char** argv) {
  StderrLog log;
  std::string directory = "/etc/sysfs.d";
  std::string root = "/sys";
  std::vector<std::string> rest;
  std::string problem = parse_flags(argc, argv, {{"configDir", &directory}, {"sysfsDir", &root}}, rest);
  if (!problem.empty() || !rest.empty()) {
    log.line("usage: sysfs [-configDir DIR] [-sysfsDir DIR]");
    return 2;
  }
  Settings settings{"sysfs", root, log};
  settings.apply_directory(directory);
  return settings.failures() == 0 ? 0 : 1;
}

}  // namespace guest
