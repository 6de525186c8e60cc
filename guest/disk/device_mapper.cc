#include "disk/device_mapper.h"

#include <fcntl.h>
#include <linux/dm-ioctl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cstring>

#include "base/file.h"
#include "base/text.h"
#include "base/unique_fd.h"

namespace guest {
namespace {

constexpr unsigned kMiscMajor = 10;
constexpr unsigned kMapperMinor = 236;  // linux/miscdevice.h

/// A request to the device mapper: the header, and what follows it.
struct Request {
  dm_ioctl header{};
  char rest[1024] = {};

  explicit Request(const std::string& name) {
    header.version[0] = DM_VERSION_MAJOR;
    header.data_size = sizeof(Request);
    header.data_start = sizeof header;
    std::memcpy(header.name, name.data(), name.size());
  }
};

std::string hex(std::string_view bytes) {
  std::string text;
  for (char byte : bytes) text += format("%02x", static_cast<unsigned char>(byte));
  return text;
}

Errno sectors_of(const std::string& device, std::uint64_t& sectors) {
  UniqueFd fd{::open(device.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!fd) return Errno::last();
  std::uint64_t bytes = 0;
  if (::ioctl(fd.get(), BLKGETSIZE64, &bytes) != 0) return Errno::last();
  sectors = bytes / 512;
  return {};
}

Errno load_table(int control, const std::string& name, const CryptTarget& target, std::uint64_t sectors) {
  // CIPHER KEY IV-OFFSET DEVICE OFFSET
  std::string parameters = target.cipher + " " + hex(target.key) + " 0 " + target.device + " 0";
  Request request{name};
  dm_target_spec spec{};
  if (sizeof spec + parameters.size() + 1 > sizeof request.rest) return Errno{ENAMETOOLONG};
  spec.length = sectors;
  std::memcpy(spec.target_type, "crypt", 6);
  request.header.target_count = 1;
  request.header.flags = DM_SECURE_DATA_FLAG;
  std::memcpy(request.rest, &spec, sizeof spec);
  std::memcpy(request.rest + sizeof spec, parameters.c_str(), parameters.size() + 1);
  return Errno::of(::ioctl(control, DM_TABLE_LOAD, &request));
}

Errno activate(int control, const std::string& name, const CryptTarget& target, std::uint64_t sectors,
               std::uint64_t& device) {
  if (Errno error = load_table(control, name, target, sectors); error.failed()) return error;
  Request resume{name};  // DM_DEV_SUSPEND without its flag resumes
  if (::ioctl(control, DM_DEV_SUSPEND, &resume) != 0) return Errno::last();
  device = resume.header.dev;
  return {};
}

Errno make_node(const std::string& path, std::uint64_t device) {
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return Errno::last();
  return Errno::of(::mknod(path.c_str(), S_IFBLK | 0600, device));
}

}  // namespace

Errno open_misc_node(const std::string& path, unsigned minor, int& fd) {
  if (!exists(path)) {
    if (Errno error = make_directories(path.substr(0, path.find_last_of('/'))); error.failed()) return error;
    if (::mknod(path.c_str(), S_IFCHR | 0600, makedev(kMiscMajor, minor)) != 0 && errno != EEXIST) return Errno::last();
  }
  fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  return Errno::of(fd);
}

std::string map_crypt(const std::string& name, const CryptTarget& target) {
  auto failure = [&](const char* what, Errno error) {
    return format("%s '%s' for '%s': %s", what, printable(name).c_str(), target.device.c_str(), error.text());
  };
  if (name.empty() || name.size() >= DM_NAME_LEN || name.find('/') != std::string::npos) {
    return "'" + printable(name) + "' is no name for a mapping";
  }
  std::uint64_t sectors = 0;
  if (Errno error = sectors_of(target.device, sectors); error.failed()) return failure("measuring", error);
  int fd = -1;
  if (Errno error = open_misc_node("/dev/mapper/control", kMapperMinor, fd); error.failed()) {
    return failure("opening /dev/mapper/control: mapping", error);
  }
  UniqueFd control{fd};
  Request create{name};
  if (::ioctl(control.get(), DM_DEV_CREATE, &create) != 0) return failure("creating the mapping", Errno::last());
  std::uint64_t device = 0;
  if (Errno error = activate(control.get(), name, target, sectors, device); error.failed()) {
    Request remove{name};
    ::ioctl(control.get(), DM_DEV_REMOVE, &remove);
    return failure(("mapping (" + target.cipher + ")").c_str(), error);
  }
  if (Errno error = make_node("/dev/mapper/" + name, device); error.failed())
    return failure("making the node of", error);
  return {};
}

}  // namespace guest
