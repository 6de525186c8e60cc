#include <algorithm>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "applets/applets.h"
#include "base/log.h"
#include "base/text.h"
#include "modules/coldplug.h"
#include "modules/loader.h"

namespace guest {
namespace {

struct Request {
  bool all = false;        ///< -a: every argument is a module
  bool blacklist = false;  ///< -b: modprobe.d's blacklist holds for names too (for aliases it always does)
  bool quiet = false;      ///< -q: a missing module is not worth a message
  bool resolve = false;    ///< -R: only print the modules that the names stand for
  bool show = false;       ///< -D: only print what would be loaded
  std::string root;        ///< -d: /lib/modules is below this
  std::string release;     ///< -S: of this kernel instead of the running one
  std::vector<std::string> names;
  std::string parameters;  ///< for the one module named without -a
};

bool parse_flags(std::string_view flags, Request& request, Log& log) {
  for (char flag : flags) {
    switch (flag) {
      case 'a':
        request.all = true;
        break;
      case 'b':
        request.blacklist = true;
        break;
      case 'q':
        request.quiet = true;
        break;
      case 'R':
        request.resolve = request.all = true;
        break;
      case 'D':
        request.show = true;
        break;
      case 'v':
      case 's':
        break;  // how much is said, and where
      default:
        log.line(format("modprobe: unknown option -%c: expected -a, -b, -q, -R, -D, -d DIR or -S RELEASE", flag));
        return false;
    }
  }
  return true;
}

bool parse_arguments(int argc, char** argv, Request& request, Log& log) {
  bool options = true;
  for (int i = 1; i < argc; ++i) {
    std::string_view argument = argv[i];
    if (options && argument == "--") {
      options = false;
    } else if (options && (argument == "-d" || argument == "-S") && i + 1 < argc) {
      (argument == "-d" ? request.root : request.release) = argv[++i];
    } else if (options && argument.substr(0, 2) == "--") {
      if (argument == "--all")
        request.all = true;
      else if (argument == "--use-blacklist")
        request.blacklist = true;
      else if (argument == "--quiet")
        request.quiet = true;
      else if (argument == "--resolve-alias")
        request.resolve = request.all = true;
      else if (argument == "--show-depends")
        request.show = true;
      else
        log.line(format("modprobe: ignoring option %s", printable(argument).c_str()));
    } else if (options && argument.size() > 1 && argument[0] == '-') {
      if (!parse_flags(argument.substr(1), request, log)) return false;
    } else if (request.all || request.names.empty()) {
      request.names.emplace_back(argument);
    } else {
      request.parameters += (request.parameters.empty() ? "" : " ") + std::string{argument};
    }
  }
  if (request.names.empty())
    log.line(
        "usage: modprobe [-q] [-b] MODULE [PARAMETER=VALUE…] | modprobe -a|-R|-D [-q] [-b] [-d DIR] [-S RELEASE] "
        "MODULE…");
  return !request.names.empty();
}

/// The modules a name stands for, and for -D the files to load for them, one a line. False if there are none.
bool show(const ModuleLoader& loader, const std::string& name, const Request& request) {
  std::vector<std::string> modules = loader.resolve({name});
  if (!loader.files(module_name(name)).empty()) modules = {module_name(name)};
  for (const std::string& module : modules) {
    if (request.resolve) std::printf("%s\n", module.c_str());
    if (!request.show) continue;
    for (const std::string& file : loader.files(module)) std::printf("insmod %s\n", file.c_str());
  }
  return !modules.empty();
}

/// An exact module name wins over an alias, as with kmod.
bool probe(ModuleLoader& loader, const std::string& name, const Request& request, Log& log) {
  Errno error = loader.load(module_name(name), request.parameters);
  if (error.value() != ENOENT) return !error.failed();
  std::vector<std::string> modules = loader.resolve({name});
  bool good = !modules.empty();
  if (!good && !request.quiet)
    log.line(format("modprobe: no module '%s' in '%s'", printable(name).c_str(), modules_directory().c_str()));
  for (const std::string& module : modules) good = !loader.load(module, request.parameters).failed() && good;
  return good;
}

}  // namespace

int modprobe_main(int argc, char** argv) {
  StderrLog log;
  Request request;
  if (!parse_arguments(argc, argv, request, log)) return 2;
  std::string directory =
      request.root + (request.release.empty() ? modules_directory() : "/lib/modules/" + request.release);
  ModuleLoader loader{directory, log};
  if (!loader.usable()) {
    if (!request.quiet) log.line(format("modprobe: no modules.dep in '%s'", directory.c_str()));
    return 1;
  }
  bool good = true;
  for (const std::string& name : request.names) {
    if (request.blacklist && loader.blacklisted(module_name(name))) continue;
    bool shown = request.resolve || request.show;
    good = (shown ? show(loader, name, request) : probe(loader, name, request, log)) && good;
  }
  return good ? 0 : 1;
}

}  // namespace guest
