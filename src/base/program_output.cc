#include "base/program_output.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <vector>

#include "base/error.h"
#include "base/spawn.h"

namespace kiln {
namespace {

constexpr std::size_t kMostErrors = std::size_t{1} << 20;

}  // namespace

// What it says on standard error goes into a file in memory: nobody has to read it for the program to go on.
ProgramOutput::ProgramOutput(const Command& command)
    : name_{command.arguments[0]}, errors_{::memfd_create("standard error", MFD_CLOEXEC)} {
  if (!errors_) throw SysError{errno, "making a file in memory"};
  std::array<int, 2> pipe{};
  if (::pipe2(pipe.data(), O_CLOEXEC) != 0) throw SysError{errno, "creating a pipe"};
  output_ = UniqueFd{pipe[0]};
  const UniqueFd write{pipe[1]};
  const UniqueFd nothing{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
  if (!nothing) throw SysError{errno, "opening '/dev/null'"};
  pid_ = spawn(command, nothing.get(), write.get(), errors_.get());
}

ProgramOutput::~ProgramOutput() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGTERM);
  output_.reset();
  try {
    wait_status(pid_);
  } catch (const Error&) {
    // Nobody is left to be told.
  }
}

std::size_t ProgramOutput::read(MutableBytes into) { return FdSource{output_.get(), name_}.read(into); }

void ProgramOutput::finish() {
  std::vector<std::byte> rest(std::size_t{64} << 10);
  while (read(rest) > 0) {
  }
  const int status = wait_status(std::exchange(pid_, 0));
  ::lseek(errors_.get(), 0, SEEK_SET);
  FdSource errors{errors_.get(), name_};
  LimitedSource said{errors, kMostErrors};
  check_status(name_, status, read_text(said, kMostErrors, name_));
}

}  // namespace kiln
