#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "convert/compose_service.h"

namespace kiln::convert {

/// An entry of `files:` that a bind leads to.
struct FileEntry {
  std::string path, source, contents;
  bool is_directory = false;
};

/// A service as Kiln's YAML has it, under the keys' names; what is empty is left out.
struct Service {
  std::string name, image;
  std::vector<std::string> command, env, capabilities, binds, tmpfs, rlimits;
  std::string cwd, uid, gid, net, pid, ipc, hostname, oom_score_adj;
  bool no_new_privileges = false, readonly = false, all_devices = false;
  std::uint64_t shm_size = 0;  ///< of /dev/shm, if not 0
  std::uint64_t memory_limit = 0, memory_reservation = 0;
  std::string pids_limit, cpu_shares, cpu_quota, cpuset;
  std::map<std::string, std::string> sysctl, annotations;
  std::vector<std::string> mkdir;  ///< of `runtime`
};

/// Translates a service: Docker's defaults are written out, volumes become binds. `declared` are the file's named
/// volumes; what comes to lie in the image is added to `files`. Nothing if there was a mistake, which has been told.
std::optional<Service> translate(const ComposeService& from, const std::set<std::string>& declared,
                                 ComposeReader& reader, std::vector<FileEntry>& files);

}  // namespace kiln::convert
