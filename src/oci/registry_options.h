#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "http/client_options.h"
#include "oci/endpoints.h"

namespace kiln::oci {

/// How to speak to registries. The defaults suit a build over the Internet; tests use shorter times.
struct RegistryOptions : http::ClientOptions {
  /// Credential files, the first that knows the registry wins; see credential_files().
  std::vector<std::filesystem::path> credential_files;

  std::vector<MirrorSpec> mirrors;  ///< of the command line and the environment, the first is tried first
  /// Whether what is read may come from mirrors. Not when it decides what is written: mirrors may be behind.
  bool use_mirrors = true;
  /// Read when the first registry is asked; see registries_conf_files(). Empty: the host's files do not count.
  std::vector<std::filesystem::path> registries_conf;
  /// Gets told, once for each, of mirrors that failed while something else did.
  std::function<void(const std::string& message)> warn;

  unsigned attempts = 6;                           ///< in a row without any progress, before giving up
  unsigned mirror_attempts = 2;                    ///< the same of a mirror, before going on to the next
  std::chrono::milliseconds first_delay{250};      ///< before the second attempt; doubles, with jitter
  std::chrono::milliseconds longest_delay{15000};  ///< bounds the delay, and what Retry-After may ask for
};

}  // namespace kiln::oci
