// swap: a file to swap to, made where it is missing, encrypted with a key of this boot if asked for.
#include <sys/stat.h>

#include <string>
#include <vector>

#include "applets/applets.h"
#include "applets/flags.h"
#include "applets/swap_condition.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "disk/block_devices.h"
#include "disk/device_mapper.h"
#include "disk/loop_device.h"
#include "disk/swap_area.h"

namespace guest {
namespace {

constexpr char kUsage[] =
    "usage: swap --path /var/FILE --size N[K|M|G|T] [--encrypt] [--condition part:PATH[:true] | "
    "partsize:PATH:SIZE[:true]] [--debug]";
constexpr char kMapping[] = "swapfile";

struct Options {
  std::string path;
  std::uint64_t bytes = 0;
  SwapCondition condition;
  bool encrypt = false;
  bool debug = false;
};

std::string parse_options(int argc, char** argv, Options& options) {
  std::vector<std::string> rest;
  std::string size;
  std::string condition;
  std::string problem = parse_flags(argc, argv,
                                    {{"path", &options.path},
                                     {"size", &size},
                                     {"condition", &condition},
                                     {"encrypt", nullptr, &options.encrypt},
                                     {"debug", nullptr, &options.debug}},
                                    rest);
  if (!problem.empty()) return problem;
  if (!rest.empty()) return "unexpected '" + printable(rest[0]) + "'";
  // Elsewhere nothing can be written, or it would not be what was mounted.
  if (options.path.compare(0, 5, "/var/") != 0) {
    return "--path: expected a file below /var, got '" + printable(options.path) + "'";
  }
  options.bytes = parse_size(size);
  if (options.bytes == 0) return "--size: expected a number with K, M, G or T, got '" + printable(size) + "'";
  return parse_swap_condition(condition, options.condition);
}

/// Whether something is mounted at `path`, and how large the file system there is.
bool is_mountpoint(const std::string& path) {
  struct stat here;
  struct stat above;
  return ::stat(path.c_str(), &here) == 0 && ::stat((path + "/..").c_str(), &above) == 0 && here.st_dev != above.st_dev;
}

std::string unmet(const SwapCondition& condition) {
  if (condition.path.empty()) return {};
  if (!is_mountpoint(condition.path)) return "nothing is mounted on '" + printable(condition.path) + "'";
  std::uint64_t bytes = file_system_bytes(condition.path);
  if (bytes >= condition.least_bytes) return {};
  return format("'%s' has %llu MiB", printable(condition.path).c_str(), static_cast<unsigned long long>(bytes >> 20));
}

std::string encrypt(std::string& path) {
  std::string device;
  if (std::string problem = attach_loop(path, device); !problem.empty()) return problem;
  std::string key;
  if (Errno error = random_bytes(64, key); error.failed()) return format("making a key: %s", error.text());
  if (std::string problem = map_crypt(kMapping, {"aes-xts-plain64", key, device}); !problem.empty()) return problem;
  path = std::string{"/dev/mapper/"} + kMapping;
  return {};
}

std::string swap_on(const Options& options) {
  std::string path = options.path;
  if (in_use(path) || in_use(std::string{"/dev/mapper/"} + kMapping)) return {};
  if (Errno error = make_directories(path.substr(0, path.find_last_of('/'))); error.failed()) {
    return format("creating the directory of '%s': %s", printable(path).c_str(), error.text());
  }
  if (Errno error = make_solid_file(path, options.bytes); error.failed()) {
    return format("making '%s': %s", printable(path).c_str(), error.text());
  }
  if (options.encrypt) {
    if (std::string problem = encrypt(path); !problem.empty()) return problem;
  }
  return start_swapping(path, options.bytes);
}

}  // namespace

int swap_main(int argc, char** argv) {
  StderrLog log;
  Options options;
  if (std::string problem = parse_options(argc, argv, options); !problem.empty()) {
    log.line("swap: " + problem);
    log.line(kUsage);
    return 2;
  }
  if (std::string why = unmet(options.condition); !why.empty()) {
    log.line("swap: " + why + ": no swap");
    return options.condition.required ? 1 : 0;
  }
  if (std::string problem = swap_on(options); !problem.empty()) {
    log.line("swap: " + problem);
    return 1;
  }
  log.line(format("swap: %llu MiB in %s%s", static_cast<unsigned long long>(options.bytes >> 20), options.path.c_str(),
                  options.encrypt ? ", encrypted" : ""));
  return 0;
}

}  // namespace guest
