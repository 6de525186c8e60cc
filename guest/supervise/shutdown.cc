#include "supervise/shutdown.h"

#include <signal.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/text.h"

namespace guest {
namespace {

/// Reaps until no process is left or the time is over. Every process descends from PID 1, so without children there are
/// none.
bool wait_for_all(Milliseconds limit) {
  Microseconds end = since_boot() + limit;
  while (true) {
    pid_t pid = ::waitpid(-1, nullptr, WNOHANG);
    if (pid < 0 && errno == ECHILD) return true;
    if (pid > 0) continue;
    if (since_boot() >= end) return false;
    ::usleep(10'000);
  }
}

void end_processes(Console& console) {
  ::kill(-1, SIGTERM);
  if (wait_for_all(Milliseconds{2000})) return;
  console.line("kiln: killing the processes that are left");
  ::kill(-1, SIGKILL);
  if (!wait_for_all(Milliseconds{2000})) console.line("kiln: some processes do not end; going on without them");
}

struct Mount {
  std::string source;
  std::string target;
  std::string type;
};

/// /proc/self/mounts escapes blanks and backslashes as \ooo.
std::string unescape(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size()) {
      plain += static_cast<char>((text[i + 1] - '0') << 6 | (text[i + 2] - '0') << 3 | (text[i + 3] - '0'));
      i += 3;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

std::vector<Mount> mounts_last_first() {
  std::string table;
  read_file("/proc/self/mounts", table).ignore();  // nothing to unmount then
  std::vector<Mount> mounts;
  std::string_view rest = table;
  std::string_view line;
  while (take_line(rest, line)) {
    std::string_view source = take_word(line);
    std::string_view target = take_word(line);
    mounts.push_back({unescape(source), unescape(target), std::string{take_word(line)}});
  }
  std::reverse(mounts.begin(), mounts.end());
  return mounts;
}

bool is_one_of(std::string_view type, const auto& types) {
  return std::find(types.begin(), types.end(), type) != types.end();
}

void unmount_all(Console& console) {
  constexpr std::array<std::string_view, 6> kNetwork = {"nfs", "nfs4", "cifs", "smb3", "9p", "virtiofs"};
  // Kernel file systems and memory hold nothing that could be lost; unmounting them only takes time.
  constexpr std::array<std::string_view, 18> kNothingToLose = {
      "proc",     "sysfs",   "devtmpfs",  "devpts", "mqueue", "cgroup2",  "cgroup",      "securityfs", "debugfs",
      "configfs", "fusectl", "selinuxfs", "pstore", "bpf",    "efivarfs", "binfmt_misc", "tracefs",    "rootfs"};
  for (const Mount& mount : mounts_last_first()) {
    if (mount.target == "/" || is_one_of(mount.type, kNothingToLose)) continue;
    int flags = is_one_of(mount.type, kNetwork) ? MNT_DETACH | MNT_FORCE : 0;
    if (::umount2(mount.target.c_str(), flags) == 0) continue;
    // Still busy, as tmpfs below another mount may be: what has a disk behind it must at least be written and clean.
    if (mount.source.substr(0, 5) != "/dev/") continue;
    if (::mount(nullptr, mount.target.c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr) != 0) {
      console.line(format("kiln: unmounting '%s': %s", printable(mount.target).c_str(), Errno::last().text()));
    }
  }
  ::mount(nullptr, "/", nullptr, MS_REMOUNT | MS_RDONLY, nullptr);
}

}  // namespace

const char* ending_name(Ending ending) {
  switch (ending) {
    case Ending::poweroff:
      return "poweroff";
    case Ending::reboot:
      return "reboot";
    case Ending::halt:
      return "halt";
  }
  return "";
}

void ask_kernel(Ending ending) {
  switch (ending) {
    case Ending::poweroff:
      ::reboot(RB_POWER_OFF);
      return;
    case Ending::reboot:
      ::reboot(RB_AUTOBOOT);
      return;
    case Ending::halt:
      ::reboot(static_cast<int>(RB_HALT_SYSTEM));
      return;
  }
}

void end_system(Ending ending, Console& console) {
  end_processes(console);
  ::sync();
  unmount_all(console);
  ::sync();
  console.line(format("kiln: %s", ending_name(ending)));
  console.drain(Milliseconds{1000});
  ask_kernel(ending);
  console.line(format("kiln: the kernel refused to %s: %s", ending_name(ending), Errno::last().text()));
  while (true) ::pause();
}

}  // namespace guest
