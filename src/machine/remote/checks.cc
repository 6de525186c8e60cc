#include "machine/remote/checks.h"

#include <filesystem>

#include "base/error.h"
#include "base/file.h"
#include "base/human.h"
#include "machine/boot_files.h"

namespace kiln::machine {
namespace {

// The kernel itself, its page tables and what runs in user space; measured with examples/arm64.yml: 96 MiB boots.
constexpr std::uint64_t kKernelNeeds = 64ULL << 20;

}  // namespace

std::optional<std::uint64_t> check_url(Transport& transport, const std::string& url, std::string_view what) {
  http::ClientRequest request;
  request.method = "HEAD";
  request.url = url;
  const http::Reply reply = exchange(transport, request, concat(what, " ", quote(url)));
  if (reply.status >= 400) {
    throw Error{what, " ", quote(url), ": the server answers ", reply.status}.with_hint(
        "the machine would not find it either; is the address right, and the file there?");
  }
  const std::string length = reply.header("content-length");
  if (length.empty() || length.size() > 18 || length.find_first_not_of("0123456789") != std::string::npos) return {};
  return std::stoull(length);
}

SystemToBoot describe_system(const std::string& name) {
  const BootFiles files = find_boot_files(name);
  SystemToBoot system;
  system.name = name;
  system.architecture = inspect_kernel(files.kernel).architecture;
  system.initramfs_bytes = std::filesystem::file_size(files.initrd);
  return system;
}

void check_suits(const SystemToBoot& system, const TargetMachine& machine) {
  if (!system.architecture.empty() && !machine.architecture.empty() && system.architecture != machine.architecture) {
    throw Error{quote(system.name), " is for ",          system.architecture, ", and ",
                machine.name,       " is a machine of ", machine.architecture}
        .with_hint(concat("build it for the machine: kiln build --arch ", machine.architecture));
  }
  if (machine.memory_bytes == 0 || system.initramfs_bytes == 0) return;
  const std::uint64_t room = machine.memory_bytes > kKernelNeeds ? machine.memory_bytes - kKernelNeeds : 0;
  if (system.initramfs_bytes <= room) return;
  throw Error{"the initramfs of ",
              quote(system.name),
              " is ",
              human_size(system.initramfs_bytes),
              ", and ",
              machine.name,
              " has ",
              human_size(machine.memory_bytes),
              " of memory, of which the kernel needs ",
              human_size(kKernelNeeds),
              " itself"}
      .with_hint("leave out what it does not need, or take a machine with more memory");
}

}  // namespace kiln::machine
