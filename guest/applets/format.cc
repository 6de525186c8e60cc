// format: gives an empty disk one partition and a file system, and leaves every other disk alone.
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/fs.h>

#include <string>
#include <vector>

#include "applets/applets.h"
#include "applets/flags.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "base/unique_fd.h"
#include "disk/block_devices.h"
#include "disk/probe.h"
#include "disk/run_program.h"

namespace guest {
namespace {

/// Where a DOS partition table ends: 2^32 sectors of 512 bytes.
constexpr std::uint64_t kDosLimit = std::uint64_t{1} << 41;

struct Options {
  std::string label;
  std::string type = "ext4";
  std::string partition;  ///< "dos" or "gpt"; empty: dos, gpt for disks it cannot describe
  bool force = false;
  bool verbose = false;
  std::string device;
};

constexpr char kUsage[] =
    "usage: format [-label LABEL] [-type ext4|btrfs|xfs] [-partition dos|gpt] [-force] [-verbose] [DEVICE]";

std::string parse_options(int argc, char** argv, Options& options) {
  std::vector<std::string> rest;
  std::string problem = parse_flags(argc, argv,
                                    {{"label", &options.label},
                                     {"type", &options.type},
                                     {"partition", &options.partition},
                                     {"force", nullptr, &options.force},
                                     {"verbose", nullptr, &options.verbose}},
                                    rest);
  if (!problem.empty()) return problem;
  if (rest.size() > 1) return "expected one device, got " + std::to_string(rest.size());
  if (!rest.empty()) options.device = rest[0];
  if (options.type != "ext4" && options.type != "btrfs" && options.type != "xfs") {
    return "-type: expected ext4, btrfs or xfs, got '" + printable(options.type) + "'";
  }
  if (!options.partition.empty() && options.partition != "dos" && options.partition != "gpt") {
    return "-partition: expected dos or gpt, got '" + printable(options.partition) + "'";
  }
  return {};
}

class Formatter {
 public:
  Formatter(const Options& options, Log& log) : options_(options), log_(log) {}

  int run() {
    BlockDevice disk;
    if (!choose(disk)) return failed_ ? 1 : 0;
    std::string partition = first_partition(disk.path());
    log_.line(format("format: %s (%llu MiB): %s on %s", disk.path().c_str(),
                     static_cast<unsigned long long>(disk.bytes >> 20), options_.type.c_str(), partition.c_str()));
    std::string problem = make_partition(disk, partition);
    if (problem.empty()) problem = make_file_system(partition);
    if (problem.empty()) return 0;
    log_.line("format: " + disk.path() + ": " + problem);
    return 1;
  }

 private:
  void say(const std::string& text) {
    if (options_.verbose) log_.line("format: " + text);
  }

  /// Only a disk of which nothing is known is empty: to overwrite one by mistake is worse than to leave one.
  bool is_empty(const BlockDevice& disk) {
    Content content;
    if (Errno error = probe_device(disk.path(), content); error.failed()) {
      log_.line(format("format: reading '%s': %s", disk.path().c_str(), error.text()));
      return false;
    }
    if (content.random) {
      log_.line("format: " + disk.path() + " looks encrypted, so it is left alone (-force formats it)");
      return false;
    }
    if (content.type.empty()) return true;
    say(disk.path() + " has " + content.type);
    return false;
  }

  bool find_named(BlockDevice& found) const {
    for (const BlockDevice& disk : disks()) {
      if (disk.path() != options_.device) continue;
      found = disk;
      return true;
    }
    return false;
  }

  bool choose_named(BlockDevice& disk) {
    if (!wait_until([&] { return find_named(disk); }, kDiskPatience)) {
      log_.line("format: no disk '" + printable(options_.device) + "'");
      failed_ = true;
      return false;
    }
    return options_.force || is_empty(disk);
  }

  bool choose(BlockDevice& chosen) {
    if (!options_.device.empty()) return choose_named(chosen);
    if (!wait_until([] { return !disks().empty(); }, kDiskPatience)) log_.line("format: there is no disk");
    for (const BlockDevice& disk : disks()) {
      if (disk.read_only || (!options_.force && !is_empty(disk))) continue;
      chosen = disk;
      return true;
    }
    say("no empty disk");
    return false;
  }

  std::string make_partition(const BlockDevice& disk, const std::string& partition) {
    std::string table = options_.partition;
    if (table.empty()) table = disk.bytes > kDosLimit ? "gpt" : "dos";
    // It refuses a disk that is in use.
    std::string problem =
        run_program({"sfdisk", "--quiet", "--wipe", "always", "--wipe-partitions", "always", disk.path()},
                    "label: " + table + "\ntype=linux\n");
    if (!problem.empty()) return problem;
    UniqueFd fd{::open(disk.path().c_str(), O_RDONLY | O_CLOEXEC)};
    if (!exists(partition) && (!fd || ::ioctl(fd.get(), BLKRRPART) != 0)) {
      return format("reading its partition table again: %s", Errno::last().text());
    }
    if (!wait_until([&] { return exists(partition); }, kDiskPatience)) return "'" + partition + "' does not appear";
    return {};
  }

  std::string make_file_system(const std::string& partition) {
    std::vector<std::string> command = {"mkfs." + options_.type, "-q", options_.type == "ext4" ? "-F" : "-f"};
    if (!options_.label.empty()) command.insert(command.end(), {"-L", options_.label});
    command.push_back(partition);
    return run_program(command);
  }

  const Options& options_;
  Log& log_;
  bool failed_ = false;
};

}  // namespace

int format_main(int argc, char** argv) {
  StderrLog log;
  Options options;
  if (std::string problem = parse_options(argc, argv, options); !problem.empty()) {
    log.line("format: " + problem);
    log.line(kUsage);
    return 2;
  }
  return Formatter{options, log}.run();
}

}  // namespace guest
