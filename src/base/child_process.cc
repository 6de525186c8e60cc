#include "base/child_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include <array>
#include <cerrno>
#include <cstdlib>

#include "base/error.h"
#include "base/spawn.h"

extern char** environ;

namespace kiln {
namespace {

struct Pipe {
  UniqueFd read;
  UniqueFd write;
};

Pipe make_pipe() {
  std::array<int, 2> fds{};
  if (::pipe2(fds.data(), O_CLOEXEC) != 0) throw SysError{errno, "creating a pipe"};
  return {UniqueFd{fds[0]}, UniqueFd{fds[1]}};
}

std::vector<std::string> merged_environment(const std::map<std::string, std::string>& extra) {
  std::vector<std::string> merged;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string_view text{*variable};
    if (!extra.contains(std::string{text.substr(0, text.find('='))})) merged.emplace_back(text);
  }
  for (const auto& [name, value] : extra) merged.push_back(name + "=" + value);
  return merged;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  out.reserve(texts.size() + 1);
  for (std::string& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

class SpawnActions {
 public:
  SpawnActions() { ::posix_spawn_file_actions_init(&actions_); }
  ~SpawnActions() { ::posix_spawn_file_actions_destroy(&actions_); }
  SpawnActions(const SpawnActions&) = delete;
  SpawnActions& operator=(const SpawnActions&) = delete;
  posix_spawn_file_actions_t* get() { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_{};
};

/// Reads what is there; false at the end.
bool drain(int fd, std::string& into) {
  std::array<char, 65536> buffer;
  const ssize_t got = ::read(fd, buffer.data(), buffer.size());
  if (got > 0) into.append(buffer.data(), static_cast<std::size_t>(got));
  return got > 0 || (got < 0 && (errno == EINTR || errno == EAGAIN));
}

/// While it lives, writing to a pipe whose reader is gone is an error (EPIPE) for this thread, not the end of the
/// process.
class NoPipeSignal {
 public:
  NoPipeSignal() {
    ::sigemptyset(&pipe_);
    ::sigaddset(&pipe_, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  ~NoPipeSignal() {
    const timespec at_once{};
    if (::sigismember(&before_, SIGPIPE) == 0) ::sigtimedwait(&pipe_, nullptr, &at_once);  // it was sent to this thread
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  NoPipeSignal(const NoPipeSignal&) = delete;
  NoPipeSignal& operator=(const NoPipeSignal&) = delete;

 private:
  sigset_t pipe_{};
  sigset_t before_{};
};

/// Tells the lines of an output that grows.
class LineTeller {
 public:
  LineTeller(const std::string& text, const std::function<void(std::string_view)>& on_line)
      : text_{text}, on_line_{on_line} {}

  void tell() {
    if (!on_line_) return;
    for (std::size_t end; (end = text_.find('\n', told_)) != std::string::npos; told_ = end + 1) {
      on_line_(std::string_view{text_}.substr(told_, end - told_));
    }
  }
  void finish() {
    if (on_line_ && told_ < text_.size()) on_line_(std::string_view{text_}.substr(told_));
  }

 private:
  const std::string& text_;
  const std::function<void(std::string_view)>& on_line_;
  std::size_t told_ = 0;
};

/// Feeds the input and collects the outputs without letting any of the three block the others.
void exchange(Pipe& input, std::string_view text, Pipe& output, Pipe& errors, CommandResult& result,
              const std::function<void(std::string_view)>& on_line) {
  LineTeller output_lines{result.output, on_line};
  LineTeller error_lines{result.errors, on_line};
  const NoPipeSignal no_signal;
  ::fcntl(input.write.get(), F_SETFL, O_NONBLOCK);
  while (output.read || errors.read) {
    if (text.empty()) input.write.reset();
    std::array<pollfd, 3> fds{
        {{output.read.get(), POLLIN, 0}, {errors.read.get(), POLLIN, 0}, {input.write.get(), POLLOUT, 0}}};
    if (::poll(fds.data(), fds.size(), -1) < 0 && errno != EINTR)
      throw SysError{errno, "waiting for a program's output"};
    if (fds[0].revents != 0 && !drain(output.read.get(), result.output)) output.read.reset();
    if (fds[1].revents != 0 && !drain(errors.read.get(), result.errors)) errors.read.reset();
    if (fds[2].revents != 0) {
      const ssize_t put = ::write(input.write.get(), text.data(), text.size());
      if (put > 0) text.remove_prefix(static_cast<std::size_t>(put));
      if (put < 0 && errno == EPIPE) text = {};  // it does not want the rest
    }
    output_lines.tell();
    error_lines.tell();
  }
  output_lines.finish();
  error_lines.finish();
}

std::string last_lines(std::string_view text) {
  constexpr std::size_t kMost = 600;
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
  if (text.size() > kMost) text = text.substr(text.size() - kMost);
  return std::string{text};
}

}  // namespace

pid_t spawn(const Command& command, int input, int output, int errors) {
  std::vector<std::string> arguments = command.arguments;
  std::vector<std::string> environment = merged_environment(command.environment);
  SpawnActions actions;
  if (!command.directory.empty()) ::posix_spawn_file_actions_addchdir_np(actions.get(), command.directory.c_str());
  ::posix_spawn_file_actions_adddup2(actions.get(), input, 0);
  ::posix_spawn_file_actions_adddup2(actions.get(), output, 1);
  ::posix_spawn_file_actions_adddup2(actions.get(), errors, 2);
  pid_t pid = 0;
  const int error = ::posix_spawnp(&pid, arguments[0].c_str(), actions.get(), nullptr, pointers(arguments).data(),
                                   pointers(environment).data());
  if (error != 0) {
    SysError failure{error, "starting ", quote(arguments[0])};
    if (error == ENOENT)
      throw std::move(failure).with_hint(concat("install ", quote(arguments[0]), " or put it in PATH"));
    throw failure;
  }
  return pid;
}

int wait_status(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) throw SysError{errno, "waiting for a program"};
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void check_status(const std::string& name, int status, std::string_view said) {
  if (status != 0) throw Error{"running ", quote(name), ": it ended with status ", status, ": ", last_lines(said)};
}

CommandResult run(const Command& command) { return run(command, nullptr); }

CommandResult run(const Command& command, const std::function<void(std::string_view line)>& on_line) {
  Pipe input = make_pipe();
  Pipe output = make_pipe();
  Pipe errors = make_pipe();
  const pid_t pid = spawn(command, input.read.get(), output.write.get(), errors.write.get());
  input.read.reset();
  output.write.reset();
  errors.write.reset();
  CommandResult result;
  exchange(input, command.input, output, errors, result, on_line);
  result.status = wait_status(pid);
  return result;
}

std::string run_checked(const Command& command) {
  CommandResult result = run(command);
  check_status(command.arguments[0], result.status, result.errors.empty() ? result.output : result.errors);
  return std::move(result.output);
}

std::optional<std::string> find_program(std::string_view name) {
  const char* variable = std::getenv("PATH");
  std::string_view path = variable != nullptr ? variable : "/usr/sbin:/usr/bin:/sbin:/bin";
  while (!path.empty()) {
    const std::size_t end = path.find(':');
    std::string candidate = concat(path.substr(0, end), "/", name);
    if (::access(candidate.c_str(), X_OK) == 0) return candidate;
    path = end == std::string_view::npos ? std::string_view{} : path.substr(end + 1);
  }
  // Debian keeps administration tools out of a plain user's PATH.
  for (std::string_view directory : {"/usr/sbin", "/sbin"}) {
    std::string candidate = concat(directory, "/", name);
    if (::access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return std::nullopt;
}

}  // namespace kiln
