#include "base/process.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include "base/text.h"

namespace guest {
namespace {

void redirect(posix_spawn_file_actions_t* actions, int from, int to) {
  if (from < 0) {
    ::posix_spawn_file_actions_addopen(actions, to, "/dev/null", O_RDWR, 0);
  } else {
    ::posix_spawn_file_actions_adddup2(actions, from, to);
  }
}

std::vector<char*> pointers_to(const std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (const std::string& text : texts) out.push_back(const_cast<char*>(text.c_str()));
  out.push_back(nullptr);
  return out;
}

}  // namespace

Errno spawn(const Command& command, pid_t& pid) {
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  redirect(&actions, command.input, 0);
  redirect(&actions, command.output, 1);
  redirect(&actions, command.error, 2);
  for (const auto& [descriptor, number] : command.inherited) {
    ::posix_spawn_file_actions_adddup2(&actions, descriptor, number);
  }

  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  sigset_t none;
  sigset_t all;
  ::sigemptyset(&none);
  ::sigfillset(&all);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setsigdefault(&attributes, &all);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);

  std::vector<std::string> environment = command.environment;
  environment.emplace_back("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
  int error = ::posix_spawn(&pid, command.program.c_str(), &actions, &attributes, pointers_to(command.args).data(),
                            pointers_to(environment).data());
  ::posix_spawnattr_destroy(&attributes);
  ::posix_spawn_file_actions_destroy(&actions);
  return Errno{error};
}

std::string signal_name(int signal) {
  const char* name = ::sigabbrev_np(signal);
  return name != nullptr ? format("SIG%s", name) : format("signal %d", signal);
}

int parse_signal(const std::string& text) {
  if (auto number = parse_decimal(text)) return *number < NSIG ? static_cast<int>(*number) : 0;
  std::string_view name = text;
  if (name.substr(0, 3) == "SIG") name.remove_prefix(3);
  for (int signal = 1; signal < NSIG; ++signal) {
    const char* known = ::sigabbrev_np(signal);
    if (known != nullptr && name == known) return signal;
  }
  return 0;
}

std::string describe_exit(int status) {
  if (WIFSIGNALED(status)) return "killed by " + signal_name(WTERMSIG(status));
  return format("exited with status %d", WEXITSTATUS(status));
}

}  // namespace guest
