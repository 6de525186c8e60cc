// mountie: mounts a disk by device, label or UUID, or the first partition with a file system of Linux that nobody has
// mounted.
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "applets/applets.h"
#include "applets/flags.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "disk/block_devices.h"
#include "disk/probe.h"

namespace guest {
namespace {

constexpr char kUsage[] = "usage: mountie [-device DEVICE | -label LABEL | -uuid UUID | DEVICE] MOUNTPOINT";

struct Options {
  std::string device;
  std::string label;
  std::string uuid;
  std::string mountpoint;
};

struct Volume {
  std::string path;
  Content content;
};

std::string parse_options(int argc, char** argv, Options& options) {
  std::vector<std::string> rest;
  std::string problem =
      parse_flags(argc, argv, {{"device", &options.device}, {"label", &options.label}, {"uuid", &options.uuid}}, rest);
  if (!problem.empty()) return problem;
  if (rest.size() == 2 && options.device.empty()) {
    options.device = rest[0];
    rest.erase(rest.begin());
  }
  if (rest.size() != 1) return "expected one directory to mount on, got " + std::to_string(rest.size());
  options.mountpoint = rest[0];
  int ways = !options.device.empty() + !options.label.empty() + !options.uuid.empty();
  return ways > 1 ? "expected one of -device, -label and -uuid" : "";
}

std::vector<Volume> volumes() {
  std::vector<Volume> found;
  auto add = [&](const BlockDevice& device) {
    Volume volume{device.path(), {}};
    if (!probe_device(volume.path, volume.content).failed()) found.push_back(volume);
  };
  for (const BlockDevice& disk : disks()) {
    for (const BlockDevice& partition : partitions(disk.name)) add(partition);
  }
  for (const BlockDevice& disk : disks()) add(disk);
  return found;
}

/// /dev/disk/by-uuid and by-label, as udev makes them, for whoever mounts by these.
void link_volume(const Volume& volume) {
  auto link = [&](const char* directory, const std::string& name) {
    if (name.empty() || name.find('/') != std::string::npos) return;
    // A disk that cannot be linked is still found by its device; a link of an earlier run stays.
    make_directories(directory).ignore();
    if (::symlink(("../../" + volume.path.substr(5)).c_str(), (std::string{directory} + "/" + name).c_str()) != 0)
      return;
  };
  link("/dev/disk/by-uuid", volume.content.uuid);
  link("/dev/disk/by-label", volume.content.label);
}

bool matches(const Volume& volume, const Options& options) {
  if (!options.label.empty()) return volume.content.label == options.label;
  if (!options.uuid.empty()) return volume.content.uuid == options.uuid;
  return volume.content.is_linux_file_system() && !device_number(volume.path).empty() &&
         exists("/sys/class/block/" + volume.path.substr(5) + "/partition") && !in_use(volume.path);
}

bool find(const Options& options, Volume& found) {
  if (!options.device.empty()) {
    found.path = options.device;
    return !probe_device(found.path, found.content).failed();
  }
  for (const Volume& volume : volumes()) {
    if (!matches(volume, options)) continue;
    found = volume;
    return true;
  }
  return false;
}

std::string wanted(const Options& options) {
  if (!options.device.empty()) return "device '" + printable(options.device) + "'";
  if (!options.label.empty()) return "disk with the label '" + printable(options.label) + "'";
  if (!options.uuid.empty()) return "disk with the UUID '" + printable(options.uuid) + "'";
  return "partition of Linux that is not mounted";
}

std::string mount_volume_on(const Volume& volume, const std::string& mountpoint) {
  if (volume.content.type.empty() || volume.content.is_partition_table()) {
    return format("there is no file system on '%s' that is known here", volume.path.c_str());
  }
  if (Errno error = make_directories(mountpoint); error.failed()) {
    return format("creating '%s': %s", printable(mountpoint).c_str(), error.text());
  }
  if (::mount(volume.path.c_str(), mountpoint.c_str(), volume.content.type.c_str(), MS_RELATIME, nullptr) == 0)
    return {};
  return format("mounting '%s' (%s) on '%s': %s", volume.path.c_str(), volume.content.type.c_str(),
                printable(mountpoint).c_str(), Errno::last().text());
}

}  // namespace

int mountie_main(int argc, char** argv) {
  StderrLog log;
  Options options;
  if (std::string problem = parse_options(argc, argv, options); !problem.empty()) {
    log.line("mount: " + problem);
    log.line(kUsage);
    return 2;
  }
  Volume volume;
  bool found = wait_until([&] { return find(options, volume); }, kDiskPatience);
  for (const Volume& each : volumes()) link_volume(each);
  std::string problem =
      found ? mount_volume_on(volume, options.mountpoint) : "there is no " + wanted(options) + " here";
  if (problem.empty()) {
    log.line(
        format("mount: %s (%s) on %s", volume.path.c_str(), volume.content.type.c_str(), options.mountpoint.c_str()));
    return 0;
  }
  log.line("mount: " + problem);
  return 1;
}

}  // namespace guest
