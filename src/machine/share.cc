#include "machine/share.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/child_process.h"
#include "base/error.h"

namespace kiln::machine {
namespace {

UniqueFd listen_at(const std::filesystem::path& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.native().size() >= sizeof address.sun_path) {
    throw Error{"socket ", quote(path.native()), ": its name has more than ", sizeof address.sun_path - 1, " bytes"}
        .with_hint("give the machine a directory with a shorter name: --state DIR");
  }
  std::memcpy(address.sun_path, path.c_str(), path.native().size());
  std::error_code ignored;
  std::filesystem::remove(path, ignored);  // of an earlier run
  UniqueFd fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  if (!fd || ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(fd.get(), 1) != 0) {
    throw SysError{errno, "listening at ", quote(path.native())};
  }
  return fd;
}

}  // namespace

std::string find_virtiofsd(const std::string& requested) {
  if (!requested.empty()) {
    if (::access(requested.c_str(), X_OK) == 0) return requested;
    throw Error{"--virtiofsd ", quote(requested), ": there is no such program"};
  }
  if (const auto found = find_program("virtiofsd")) return *found;
  constexpr std::array kPlaces{"/usr/libexec/virtiofsd", "/usr/lib/qemu/virtiofsd", "/usr/libexec/qemu/virtiofsd"};
  for (const char* place : kPlaces) {
    if (::access(place, X_OK) == 0) return place;
  }
  throw Error{"--virtiofs needs the program 'virtiofsd', which is missing"}.with_hint(
      "install the Debian package virtiofsd (Debian 12: qemu-system-common), or say where it is with --virtiofsd");
}

ShareServer::ShareServer(const std::string& program, const Share& share) : socket_{listen_at(share.socket)} {
  // Options that the program in C (QEMU up to 7) and the one in Rust both have.
  const std::vector<std::string> arguments{concat("--fd=", socket_.get()), "-o",
                                           concat("source=", share.directory.native())};
  process_ = std::make_unique<QemuProcess>(program, arguments, socket_.get(), true);
}

}  // namespace kiln::machine
