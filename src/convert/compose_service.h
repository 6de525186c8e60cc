#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "convert/compose_reader.h"

namespace kiln::convert {

/// An element of `volumes`, or of `tmpfs`.
struct ComposeVolume {
  const config::Node* where = nullptr;
  std::string source;  ///< empty: nothing is kept
  std::string target;
  std::string options;  ///< with commas
  bool is_tmpfs = false;
};

/// A service as a compose file has it (compose-spec, "Services"): what Kiln has a use for. Its nodes are those of the
/// file, for what is still to be said about it.
struct ComposeService {
  std::string name;
  const config::Node* where = nullptr;
  const config::Node* image_node = nullptr;  ///< null: none is named
  const config::Node* user_node = nullptr;
  std::string image, working_dir, user, hostname;
  std::optional<std::vector<std::string>> command, entrypoint;

  bool has_environment = false;
  std::map<std::string, std::string> environment, from_files;  ///< of `env_file`

  std::vector<std::string> add, drop;  ///< capabilities, "CAP_…" or "ALL"
  bool privileged = false, no_new_privileges = false, readonly = false;

  std::vector<ComposeVolume> volumes;
  std::uint64_t shm_size = 0;

  std::vector<std::string> rlimits;                        ///< name,soft,hard
  std::uint64_t memory_limit = 0, memory_reservation = 0;  ///< 0: none
  std::string pids_limit, cpu_shares, cpu_quota, cpuset;   ///< empty: none; the quota is of 100 ms
  std::string oom_score_adj;                               ///< empty: none
  std::map<std::string, std::string> sysctls;              ///< those of the service's own
  std::map<std::string, std::string> labels;
  std::map<std::string, std::string> extra_hosts;  ///< addresses by name

  std::string restart;        ///< "always", "on-failure" or empty
  std::string net, pid, ipc;  ///< as Kiln's YAML calls them; empty: its default
};

/// Reads one service; what has no counterpart is told.
ComposeService read_service(const std::string& name, const config::Node& node, ComposeReader& reader);

}  // namespace kiln::convert
