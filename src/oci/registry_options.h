#pragma once

#include <chrono>
#include <filesystem>
#include <vector>

#include "http/client_options.h"

namespace kiln::oci {

/// How to speak to registries. The defaults suit a build over the Internet; tests use shorter times.
struct RegistryOptions : http::ClientOptions {
  /// Credential files, the first that knows the registry wins; see credential_files().
  std::vector<std::filesystem::path> credential_files;

  unsigned attempts = 6;                           ///< in a row without any progress, before giving up
  std::chrono::milliseconds first_delay{250};      ///< before the second attempt; doubles, with jitter
  std::chrono::milliseconds longest_delay{15000};  ///< bounds the delay, and what Retry-After may ask for
};

}  // namespace kiln::oci
