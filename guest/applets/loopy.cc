// loopy: a file as a block device.
#include <fcntl.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "applets/applets.h"
#include "applets/flags.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "base/unique_fd.h"
#include "disk/loop_device.h"

namespace guest {
namespace {

constexpr char kUsage[] = "usage: loopy [-c|--create] [-s|--size MIB] [-d|--dev DEVICE] FILE";

struct Options {
  bool create = false;
  std::uint64_t bytes = 0;
  std::string device = "/dev/loop0";
  std::string file;
};

std::string parse_options(int argc, char** argv, Options& options) {
  std::vector<std::string> rest;
  std::string size = "10";
  std::string problem = parse_flags(argc, argv,
                                    {{"c", nullptr, &options.create},
                                     {"create", nullptr, &options.create},
                                     {"s", &size},
                                     {"size", &size},
                                     {"d", &options.device},
                                     {"dev", &options.device}},
                                    rest);
  if (!problem.empty()) return problem;
  if (rest.size() != 1) return "expected one file, got " + std::to_string(rest.size());
  options.file = rest[0];
  options.bytes = parse_size(size + "M");
  return options.bytes == 0 ? "--size: expected a number of MiB, got '" + printable(size) + "'" : "";
}

/// A file of that size, with a hole for content; one that is there is left alone.
Errno create(const std::string& path, std::uint64_t bytes) {
  if (Errno error = make_directories(path.substr(0, path.find_last_of('/'))); error.failed()) return error;
  UniqueFd fd{::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)};
  if (!fd) return errno == EEXIST ? Errno{} : Errno::last();
  return Errno::of(::ftruncate(fd.get(), static_cast<off_t>(bytes)));
}

}  // namespace

int loopy_main(int argc, char** argv) {
  StderrLog log;
  Options options;
  if (std::string problem = parse_options(argc, argv, options); !problem.empty()) {
    log.line("losetup: " + problem);
    log.line(kUsage);
    return 2;
  }
  if (options.create) {
    if (Errno error = create(options.file, options.bytes); error.failed()) {
      log.line(format("losetup: creating '%s': %s", printable(options.file).c_str(), error.text()));
      return 1;
    }
  }
  if (std::string problem = attach_loop(options.file, options.device); !problem.empty()) {
    log.line("losetup: " + problem);
    return 1;
  }
  log.line(format("losetup: %s is %s", printable(options.file).c_str(), options.device.c_str()));
  return 0;
}

}  // namespace guest
