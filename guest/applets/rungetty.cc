#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include "applets/applets.h"
#include "applets/getty_command.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "boot/cmdline.h"

namespace guest {
namespace {

constexpr char kGetty[] = "/sbin/agetty";

/// Host's /etc/getty.shadow, where there is one, becomes the container's /etc/shadow.
void install_shadow(Log& log) {
  std::string shadow;
  if (read_file("/hostroot/etc/getty.shadow", shadow).failed()) return;
  if (Errno error = replace_file("/etc/shadow", shadow + "\n", 0600); error.failed()) {
    log.line(format("rungetty: writing '/etc/shadow': %s", error.text()));
  }
}

/// A console that was asked for and is not there deserves a word: a mistyped one is a machine without a login.
void report_absent(const Cmdline& cmdline, const std::vector<ConsoleToken>& used, Log& log) {
  for (const ConsoleToken& console : cmdline.consoles()) {
    bool present = std::any_of(used.begin(), used.end(),
                               [&](const ConsoleToken& other) { return other.device == console.device; });
    if (!present)
      log.line(
          format("rungetty: '/dev/%s' is not a terminal device: no login there", printable(console.device).c_str()));
  }
}

void warn_unless_secure(const std::string& device, Log& log) {
  std::string securetty;
  if (read_file("/etc/securetty", securetty).failed()) return;  // without the file root may log in anywhere
  std::string_view rest = securetty;
  std::string_view line;
  while (take_line(rest, line)) {
    if (trim(line) == device) return;
  }
  log.line(format("rungetty: %s is not in /etc/securetty: root cannot log in there", device.c_str()));
}

/// In the child: a session of its own on the terminal, then the getty, or a root shell where the image has no getty and
/// is INSECURE.
[[noreturn]] void run_on(const GettyCommand& getty, bool insecure) {
  ::setsid();
  if (::access(kGetty, X_OK) != 0 && insecure) {
    std::string device = "/dev/" + getty.device;
    int fd = ::open(device.c_str(), O_RDWR);
    if (fd < 0) ::_exit(1);
    ::ioctl(fd, TIOCSCTTY, 1);
    for (int standard = 0; standard < 3; ++standard) ::dup2(fd, standard);
    if (!getty.term.empty()) ::setenv("TERM", getty.term.c_str(), 1);
    ::execl("/bin/sh", "-sh", nullptr);
    ::_exit(1);
  }
  std::vector<std::string> arguments = getty.arguments;
  std::vector<char*> argv = {const_cast<char*>(kGetty)};
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  ::execv(kGetty, argv.data());
  ::_exit(1);
}

struct Session {
  GettyCommand getty;
  Microseconds begun{};
};

}  // namespace

int rungetty_main(int, char**) {
  StderrLog log;
  const char* flag = std::getenv("INSECURE");
  bool insecure = flag != nullptr && std::string_view{flag} == "true";
  install_shadow(log);
  std::vector<Session> waiting;
  Cmdline cmdline = read_cmdline();
  std::vector<ConsoleToken> consoles = consoles_in_use(cmdline);
  report_absent(cmdline, consoles, log);
  for (const ConsoleToken& console : consoles) {
    warn_unless_secure(console.device, log);
    waiting.push_back({getty_command(console, insecure), {}});
  }
  if (waiting.empty()) {
    log.line("rungetty: no console is a terminal: none of the kernel command line, none of the kernel's own choice");
    return 1;
  }
  std::map<pid_t, Session> running;
  while (true) {
    for (Session& session : waiting) {
      // A getty that ends at once (a device without a line, say) must not spin.
      if (session.begun > Microseconds{} && since_boot() - session.begun < std::chrono::seconds{1}) ::sleep(1);
      session.begun = since_boot();
      pid_t pid = ::fork();
      if (pid == 0) run_on(session.getty, insecure);
      if (pid > 0) running[pid] = session;
    }
    waiting.clear();
    pid_t ended = ::wait(nullptr);
    if (ended < 0) ::sleep(1);
    if (auto found = running.find(ended); found != running.end()) {
      waiting.push_back(found->second);
      running.erase(found);
    }
  }
}

}  // namespace guest
