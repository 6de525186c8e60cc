// crypto: an encrypted disk, plain or LUKS, opened with a key from /etc/dm-crypt; an empty one gets a file system.
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
#include "disk/block_devices.h"
#include "disk/device_mapper.h"
#include "disk/probe.h"
#include "disk/run_program.h"

namespace guest {
namespace {

constexpr char kUsage[] = "usage: crypto [-l] [-k KEY] NAME DEVICE, with the key in /etc/dm-crypt/KEY";
constexpr char kCipher[] = "aes-cbc-essiv:sha256";
constexpr std::size_t kKeyBytes = 32;

struct Options {
  bool luks = false;
  std::string key = "key";
  std::string name;
  std::string device;
};

std::string parse_options(int argc, char** argv, Options& options) {
  std::vector<std::string> rest;
  std::string problem = parse_flags(
      argc, argv,
      {{"l", nullptr, &options.luks}, {"luks", nullptr, &options.luks}, {"k", &options.key}, {"key", &options.key}},
      rest);
  if (!problem.empty()) return problem;
  if (rest.size() != 2) return "expected a name and a device, got " + std::to_string(rest.size()) + " arguments";
  options.name = rest[0];
  options.device = rest[1];
  return options.key.find('/') == std::string::npos ? "" : "-k: expected a file's name, got a path";
}

std::string open_plain(const Options& options, const std::string& key_file) {
  std::string key;
  if (Errno error = read_file(key_file, key); error.failed()) {
    return format("reading the key '%s': %s", printable(key_file).c_str(), error.text());
  }
  if (key.size() < kKeyBytes) {
    return format("the key '%s' has %zu bytes, expected %zu", printable(key_file).c_str(), key.size(), kKeyBytes);
  }
  key.resize(kKeyBytes);
  return map_crypt(options.name, {kCipher, key, options.device});
}

/// cryptsetup(8) does LUKS. It would ask udev, which is not here, to make the nodes.
std::string open_luks(const Options& options, const std::string& key_file) {
  Content content;
  if (Errno error = probe_device(options.device, content); error.failed()) {
    return format("reading '%s': %s", printable(options.device).c_str(), error.text());
  }
  if (content.type.empty()) {
    std::string problem = run_program(
        {"cryptsetup", "luksFormat", "--batch-mode", "--cipher", kCipher, "--key-file", key_file, options.device});
    if (!problem.empty()) return problem;
  } else if (content.type != "crypto_LUKS") {
    return format("'%s' has %s on it, and not LUKS", options.device.c_str(), content.type.c_str());
  }
  return run_program({"cryptsetup", "open", "--type", "luks", "--key-file", key_file, options.device, options.name});
}

/// So that nobody can see how much of the disk is used.
std::string fill_with_zeros(const std::string& device) {
  UniqueFd fd{::open(device.c_str(), O_WRONLY | O_CLOEXEC)};
  if (!fd) return format("opening '%s': %s", device.c_str(), Errno::last().text());
  std::string zeros(std::size_t{1} << 20, '\0');
  while (true) {
    ssize_t put = ::write(fd.get(), zeros.data(), zeros.size());
    if (put < 0 && errno == EINTR) continue;
    if (put == 0 || (put < 0 && errno == ENOSPC)) break;
    if (put < 0) return format("writing '%s': %s", device.c_str(), Errno::last().text());
  }
  return ::fsync(fd.get()) == 0 ? "" : format("writing '%s': %s", device.c_str(), Errno::last().text());
}

std::string fill_if_empty(const std::string& device, Log& log) {
  Content content;
  if (Errno error = probe_device(device, content); error.failed()) {
    return format("reading '%s': %s", device.c_str(), error.text());
  }
  if (!content.type.empty()) return {};
  log.line("dm-crypt: " + device + " is empty: filling it, then ext4");
  if (std::string problem = fill_with_zeros(device); !problem.empty()) return problem;
  return run_program({"mkfs.ext4", "-q", "-F", device});
}

}  // namespace

int crypto_main(int argc, char** argv) {
  StderrLog log;
  Options options;
  if (std::string problem = parse_options(argc, argv, options); !problem.empty()) {
    log.line("dm-crypt: " + problem);
    log.line(kUsage);
    return 2;
  }
  std::string key_file = "/etc/dm-crypt/" + options.key;
  wait_until([&] { return exists(options.device); }, kDiskPatience);
  std::string problem = options.luks ? open_luks(options, key_file) : open_plain(options, key_file);
  if (problem.empty()) problem = fill_if_empty("/dev/mapper/" + options.name, log);
  if (problem.empty()) {
    log.line(format("dm-crypt: %s is /dev/mapper/%s", options.device.c_str(), options.name.c_str()));
    return 0;
  }
  log.line("dm-crypt: " + problem);
  return 1;
}

}  // namespace guest
