#include "boot/system.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/rtc.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <string>

#include "base/file.h"
#include "base/process.h"
#include "base/text.h"

namespace guest {

void bring_up_loopback(Log& log) {
  UniqueFd socket{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  ifreq request{};
  std::memcpy(request.ifr_name, "lo", 3);
  request.ifr_flags = IFF_UP | IFF_LOOPBACK | IFF_RUNNING;
  // The kernel gives a loopback device 127.0.0.1/8, its route and ::1 when it comes up (inetdev_event,
  // addrconf_notify).
  if (!socket || ::ioctl(socket.get(), SIOCSIFFLAGS, &request) != 0) {
    log.line(format("kiln: bringing up lo: %s", Errno::last().text()));
  }
}

void raise_limits(Log& log) {
  const rlimit files{1048576, 1048576};
  const rlimit processes{RLIM_INFINITY, RLIM_INFINITY};
  if (::setrlimit(RLIMIT_NOFILE, &files) != 0)
    log.line(format("kiln: raising RLIMIT_NOFILE: %s", Errno::last().text()));
  if (::setrlimit(RLIMIT_NPROC, &processes) != 0)
    log.line(format("kiln: raising RLIMIT_NPROC: %s", Errno::last().text()));
}

void set_clock_from_rtc(Log& log) {
  // With CONFIG_RTC_HCTOSYS the kernel sets the clock when the device appears, module or not.
  if (read_value("/sys/class/rtc/rtc0/hctosys") != "0") return;
  UniqueFd clock{::open("/dev/rtc0", O_RDONLY | O_CLOEXEC)};
  rtc_time now{};
  if (!clock || ::ioctl(clock.get(), RTC_RD_TIME, &now) != 0) {
    log.line(format("kiln: reading '/dev/rtc0': %s", Errno::last().text()));
    return;
  }
  tm utc{};
  utc.tm_sec = now.tm_sec;
  utc.tm_min = now.tm_min;
  utc.tm_hour = now.tm_hour;
  utc.tm_mday = now.tm_mday;
  utc.tm_mon = now.tm_mon;
  utc.tm_year = now.tm_year;
  timeval time{::timegm(&utc), 0};
  if (::settimeofday(&time, nullptr) != 0) log.line(format("kiln: setting the clock: %s", Errno::last().text()));
}

namespace {

std::string host_name_from_mac() {
  std::string mac = read_value("/sys/class/net/eth0/address");
  std::erase(mac, ':');
  return mac.empty() ? std::string{} : "linuxkit-" + mac;  // scripts written for LinuxKit expect this prefix
}

bool host_name_unset() {
  char name[HOST_NAME_MAX + 1] = {};
  ::gethostname(name, sizeof name - 1);
  return name[0] == '\0' || std::string_view{name} == "(none)";
}

}  // namespace

void set_hostname(Log& log) {
  std::string name = read_value("/etc/hostname");
  if (name.empty() && host_name_unset()) name = host_name_from_mac();
  if (name.empty()) return;
  if (::sethostname(name.data(), name.size()) != 0) {
    log.line(format("kiln: setting the host name '%s': %s", printable(name).c_str(), Errno::last().text()));
  }
}

void prepare_resolv_conf(Log& log) {
  char target[PATH_MAX];
  ssize_t length = ::readlink("/etc/resolv.conf", target, sizeof target - 1);
  if (length <= 0) return;
  std::string path{target, static_cast<std::size_t>(length)};
  if (path[0] != '/') path = "/etc/" + path;
  Errno error = make_directories(path.substr(0, path.find_last_of('/')));
  UniqueFd file;
  if (!error.failed()) {
    // 0644, where LinuxKit leaves 0600: name resolution must work for services that are not root.
    file = UniqueFd{::open(path.c_str(), O_RDONLY | O_CREAT | O_CLOEXEC, 0644)};
    if (!file) error = Errno::last();
  }
  if (error.failed())
    log.line(format("kiln: creating '%s' for /etc/resolv.conf: %s", printable(path).c_str(), error.text()));
}

void show_issue(const Cmdline& cmdline) {
  std::string issue;
  if (read_file("/etc/issue", issue).failed()) return;
  for (const ConsoleToken& console : consoles_in_use(cmdline)) {
    UniqueFd device{::open(("/dev/" + console.device).c_str(), O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC)};
    if (device && ::write(device.get(), issue.data(), issue.size()) < 0) continue;  // a console that takes nothing
  }
}

void run_init_scripts(Log& log) {
  constexpr char kDirectory[] = "/etc/init.d";
  constexpr std::array<std::string_view, 4> kBuiltIn = {"000-issue", "005-volumes", "010-onboot", "020-containerd"};
  for (const std::string& name : list_directory(kDirectory)) {
    std::string path = std::string{kDirectory} + "/" + name;
    struct stat status;
    if (::stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) continue;
    if (std::find(kBuiltIn.begin(), kBuiltIn.end(), name) != kBuiltIn.end()) continue;
    pid_t pid = 0;
    int result = 0;
    Errno error = spawn(Command{path, {path}, 0, 1, 2}, pid);
    if (!error.failed()) error = Errno::of(::waitpid(pid, &result, 0));
    if (error.failed()) log.line(format("kiln: running '%s': %s", path.c_str(), error.text()));
  }
}

}  // namespace guest
