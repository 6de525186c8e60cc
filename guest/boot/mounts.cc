#include "boot/mounts.h"

#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <string>

#include "base/file.h"
#include "base/text.h"

namespace guest {
namespace {

constexpr unsigned long kSafe = MS_NODEV | MS_NOSUID | MS_NOEXEC;

struct MountRow {
  const char* type;
  const char* target;
  unsigned long flags;
  const char* data;
  bool optional;  ///< absent on many kernels: failure is not worth a line
};

void mount_row(const MountRow& row, Log& log) {
  if (::mount(row.type, row.target, row.type, row.flags, row.data) == 0) return;
  Errno error = Errno::last();
  if (error.value() == ENOENT && ::mkdir(row.target, 0755) == 0) {
    if (::mount(row.type, row.target, row.type, row.flags, row.data) == 0) return;
    error = Errno::last();
  }
  // A kernel may have mounted devtmpfs itself (CONFIG_DEVTMPFS_MOUNT).
  if (row.optional || error.value() == EBUSY) return;
  log.line(format("kiln: mounting %s on '%s': %s", row.type, row.target, error.text()));
}

constexpr MountRow kEarly[] = {
    {"proc", "/proc", kSafe | MS_RELATIME, nullptr, false},
    {"sysfs", "/sys", kSafe, nullptr, false},
    {"devtmpfs", "/dev", MS_NOSUID | MS_NOEXEC | MS_RELATIME, "size=10m,nr_inodes=248418,mode=755", false},
};

constexpr MountRow kSystem[] = {
    {"tmpfs", "/run", kSafe | MS_RELATIME, "size=10%,mode=755", false},
    {"tmpfs", "/tmp", kSafe | MS_RELATIME, "size=10%,mode=1777", false},
    {"tmpfs", "/var", kSafe | MS_RELATIME, "size=50%,mode=755", false},
    {"mqueue", "/dev/mqueue", kSafe, nullptr, true},
    {"tmpfs", "/dev/shm", kSafe, "mode=1777", false},
    {"devpts", "/dev/pts", MS_NOEXEC | MS_NOSUID, "gid=5,mode=0620", false},
    {"securityfs", "/sys/kernel/security", kSafe, nullptr, true},
    {"debugfs", "/sys/kernel/debug", kSafe, nullptr, true},
    {"configfs", "/sys/kernel/config", kSafe, nullptr, true},
    {"fusectl", "/sys/fs/fuse/connections", kSafe, nullptr, true},
    {"selinuxfs", "/sys/fs/selinux", MS_NOEXEC | MS_NOSUID, nullptr, true},
    {"pstore", "/sys/fs/pstore", kSafe, nullptr, true},
    {"bpf", "/sys/fs/bpf", MS_NODEV, nullptr, true},
    {"efivarfs", "/sys/firmware/efi/efivars", kSafe, nullptr, true},
};

// Mounting these makes the kernel ask modprobe for a module it may not have, which costs an exec each; so only where
// they are known.
constexpr MountRow kIfKnown[] = {
    {"binfmt_misc", "/proc/sys/fs/binfmt_misc", kSafe, nullptr, true},
};

struct NodeRow {
  const char* path;
  mode_t mode;
  unsigned major;
  unsigned minor;
};

constexpr NodeRow kNodes[] = {
    {"/dev/console", 0600, 5, 1}, {"/dev/tty1", 0620, 4, 1},  {"/dev/tty", 0666, 5, 0},
    {"/dev/null", 0666, 1, 3},    {"/dev/kmsg", 0660, 1, 11},
};

struct LinkRow {
  const char* target;
  const char* path;
};

constexpr LinkRow kLinks[] = {
    {"/proc/self/fd", "/dev/fd"},       {"/proc/self/fd/0", "/dev/stdin"}, {"/proc/self/fd/1", "/dev/stdout"},
    {"/proc/self/fd/2", "/dev/stderr"}, {"/proc/kcore", "/dev/kcore"},
};

struct DirectoryRow {
  const char* path;
  mode_t mode;
};

constexpr DirectoryRow kVarDirectories[] = {
    {"/var/cache", 0755}, {"/var/empty", 0555}, {"/var/lib", 0755},   {"/var/local", 0755}, {"/var/lock", 0755},
    {"/var/log", 0755},   {"/var/opt", 0755},   {"/var/spool", 0755}, {"/var/tmp", 01777},
};

void make_var(Log& log) {
  for (const DirectoryRow& row : kVarDirectories) {
    // mkdir obeys the umask; chmod does not, and sets the sticky bit.
    if (::mkdir(row.path, row.mode) != 0 || ::chmod(row.path, row.mode) != 0) {
      log.line(format("kiln: creating '%s': %s", row.path, Errno::last().text()));
    }
  }
  if (::symlink("/run", "/var/run") != 0) log.line(format("kiln: linking '/var/run': %s", Errno::last().text()));
}

void mount_cgroup2(Log& log) { mount_row({"cgroup2", "/sys/fs/cgroup", kSafe, nullptr, false}, log); }

void mount_controller(const std::string& name, const std::string& data, Log& log) {
  std::string target = "/sys/fs/cgroup/" + name;
  if (::mkdir(target.c_str(), 0755) == 0 && ::mount(name.c_str(), target.c_str(), "cgroup", kSafe, data.c_str()) == 0)
    return;
  // EINVAL: /proc/cgroups lists controllers that this kernel has for v2 only (6.12: memory, cpuset).
  if (errno == EINVAL) {
    ::rmdir(target.c_str());
  } else {
    log.line(format("kiln: mounting cgroup controller '%s': %s", name.c_str(), Errno::last().text()));
  }
}

void mount_cgroup1(Log& log) {
  mount_row({"tmpfs", "/sys/fs/cgroup", kSafe, "mode=755,size=10m", false}, log);
  std::string table;
  read_file("/proc/cgroups", table).ignore();  // no controllers then
  std::string_view rest = table;
  std::string_view line;
  while (take_line(rest, line)) {
    std::vector<std::string_view> fields = words(line);  // name, hierarchy, cgroups, enabled
    if (fields.size() < 4 || fields[0][0] == '#' || fields[3] != "1") continue;
    mount_controller(std::string{fields[0]}, std::string{fields[0]}, log);
  }
  // Absent without the memory controller; a default on kernels that have dropped the knob.
  write_value("/sys/fs/cgroup/memory/memory.use_hierarchy", "1").ignore();
  mount_controller("systemd", "none,name=systemd", log);
}

bool kernel_knows(std::string_view filesystem) {
  static std::string known;
  if (known.empty()) read_file("/proc/filesystems", known).ignore();  // then nothing is known
  std::string_view rest = known;
  std::string_view line;
  while (take_line(rest, line)) {
    if (line.substr(line.find('\t') + 1) == filesystem) return true;
  }
  return false;
}

void make_root_read_only(Log& log) {
  // Of an initramfs only the mount becomes read-only: its superblock is also the kernel's hidden rootfs.
  if (::mount(nullptr, "/", nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY, nullptr) != 0) {
    log.line(format("kiln: making '/' read-only: %s", Errno::last().text()));
  }
}

}  // namespace

void mount_kernel_filesystems(Log& log) {
  ::umask(0);
  for (const MountRow& row : kEarly) mount_row(row, log);
  for (const NodeRow& row : kNodes) {
    // devtmpfs has made most of them; ours are for kernels without them.
    if (::mknod(row.path, S_IFCHR | row.mode, makedev(row.major, row.minor)) != 0 && errno != EEXIST) {
      log.line(format("kiln: creating '%s': %s", row.path, Errno::last().text()));
    }
  }
  for (const LinkRow& row : kLinks) {
    if (::symlink(row.target, row.path) != 0 && errno != EEXIST) {
      log.line(format("kiln: linking '%s': %s", row.path, Errno::last().text()));
    }
  }
  ::umask(022);
}

void mount_system(const Cmdline& cmdline, Log& log) {
  ::umask(0);
  for (const MountRow& row : kSystem) mount_row(row, log);
  for (const MountRow& row : kIfKnown) {
    if (kernel_knows(row.type)) mount_row(row, log);
  }
  make_var(log);
  if (cmdline.has("linuxkit.unified_cgroup_hierarchy=0")) {
    mount_cgroup1(log);
  } else {
    mount_cgroup2(log);
  }
  make_root_read_only(log);
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_SHARED, nullptr) != 0) {
    log.line(format("kiln: making mounts shared: %s", Errno::last().text()));
  }
  ::umask(022);
}

}  // namespace guest
