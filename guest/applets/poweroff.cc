#include <signal.h>
#include <unistd.h>

#include <cstring>
#include <string>

#include "applets/applets.h"
#include "applets/host.h"
#include "base/log.h"
#include "base/text.h"
#include "supervise/shutdown.h"

namespace guest {
namespace {

struct Request {
  Ending ending = Ending::poweroff;
  bool force = false;
  unsigned delay = 0;
};

Ending ending_of(const char* program) {
  for (Ending ending : {Ending::poweroff, Ending::reboot, Ending::halt}) {
    if (std::strstr(program, ending_name(ending)) != nullptr) return ending;
  }
  return Ending::poweroff;
}

bool parse_arguments(int argc, char** argv, Request& request) {
  request.ending = ending_of(argv[0]);
  for (int i = 1; i < argc; ++i) {
    std::string_view argument = argv[i];
    if (argument == "-f") {
      request.force = true;
      continue;
    }
    if (argument == "-d" && i + 1 < argc) argument = argv[++i];
    auto delay = parse_decimal(argument);
    if (!delay || *delay > 1'000'000) return false;
    request.delay = static_cast<unsigned>(*delay);
  }
  return true;
}

int signal_of(Ending ending) {
  switch (ending) {
    case Ending::poweroff:
      return SIGUSR2;
    case Ending::reboot:
      return SIGTERM;
    case Ending::halt:
      return SIGUSR1;
  }
  return SIGUSR2;
}

}  // namespace

int poweroff_main(int argc, char** argv) {
  StderrLog log;
  Request request;
  if (!parse_arguments(argc, argv, request)) {
    log.line(format("usage: %s [-f] [[-d] SECONDS]", ending_name(request.ending)));
    return 2;
  }
  for (unsigned left = request.delay; left > 0;) left = ::sleep(left);
  const char* name = ending_name(request.ending);
  if (request.force) {
    ::sync();
    ask_kernel(request.ending);
    log.line(format("%s: the kernel refused: %s", name, Errno::last().text()));
    return 1;
  }
  std::string answer;
  if (!ask_init(name, answer).failed() && answer == "ok\n") return 0;
  if (sees_system_init() && ::kill(1, signal_of(request.ending)) == 0) return 0;
  log.line(format("%s: cannot reach the system's init: give the container `pid: host`, or bind /run", name));
  return 1;
}

}  // namespace guest
