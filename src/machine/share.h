#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "base/unique_fd.h"
#include "machine/qemu_process.h"

namespace kiln::machine {

/// A directory of the host that the guest can mount by virtiofs, under the tag virtiofs0, virtiofs1 …
struct Share {
  std::filesystem::path directory;
  std::filesystem::path socket;  ///< where QEMU finds the program that serves it

  bool operator==(const Share&) const = default;
};

/// The program to serve shares: the one asked for, or where Debian and others have it. Throws Error.
std::string find_virtiofsd(const std::string& requested);

/// Serves one share until the machine ends, or this does.
class ShareServer {
 public:
  /// QEMU can connect when this returns: the socket is listening already, whatever the program is still busy with.
  ShareServer(const std::string& program, const Share& share);

 private:
  UniqueFd socket_;
  std::unique_ptr<QemuProcess> process_;
};

}  // namespace kiln::machine
