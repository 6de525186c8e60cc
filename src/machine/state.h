#pragma once

#include <filesystem>
#include <string>

namespace kiln::machine {

/// The directory of a machine: what it is from one run to the next.
///
///     mac-addr  uuid           made at the first run and kept
///     disk.img  disk1.img …    disks that were asked for without a name
///     console.log              of the last run
///     qemu.pid                 locked by QEMU while it runs
///     qmp.sock                 of a detached machine
class State {
 public:
  /// Creates the directory. Throws Error if a machine is running in it.
  explicit State(std::filesystem::path directory);

  const std::filesystem::path& directory() const { return directory_; }
  std::filesystem::path pidfile() const { return directory_ / "qemu.pid"; }
  std::filesystem::path console_log() const { return directory_ / "console.log"; }

  std::string mac();   ///< locally administered, unicast
  std::string uuid();  ///< RFC 4122, version 4

 private:
  std::filesystem::path directory_;
};

}  // namespace kiln::machine
