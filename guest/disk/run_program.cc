#include "disk/run_program.h"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/process.h"
#include "base/text.h"
#include "base/unique_fd.h"

namespace guest {
namespace {

std::string find_program(const std::string& name) {
  for (const char* directory : {"/usr/sbin/", "/usr/bin/", "/sbin/", "/bin/"}) {
    if (exists(directory + name)) return directory + name;
  }
  return {};
}

}  // namespace

std::string run_program(const std::vector<std::string>& command, std::string_view input) {
  std::string program = find_program(command[0]);
  if (program.empty()) return command[0] + ": there is no such program in this image";
  // A file in memory and not a pipe: nobody has to feed it while we wait.
  UniqueFd text{::memfd_create("input", MFD_CLOEXEC)};
  if (!text || ::write(text.get(), input.data(), input.size()) != static_cast<ssize_t>(input.size()) ||
      ::lseek(text.get(), 0, SEEK_SET) != 0) {
    return format("%s: its input: %s", command[0].c_str(), Errno::last().text());
  }
  pid_t pid = 0;
  if (Errno error = spawn({program, command, text.get(), STDOUT_FILENO, STDERR_FILENO}, pid); error.failed()) {
    return format("%s: %s", program.c_str(), error.text());
  }
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) return format("%s: %s", program.c_str(), Errno::last().text());
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  return command[0] + ": " + describe_exit(status);
}

}  // namespace guest
