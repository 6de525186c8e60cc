#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

namespace kiln::oci {

/// How to speak to registries. The defaults suit a build over the Internet; tests use shorter times.
struct RegistryOptions {
  /// host[:port] of registries reached without verifying their certificate, or by plain HTTP if they speak no TLS.
  /// Loopback hosts need not be named: they are tried by plain HTTP first.
  std::vector<std::string> insecure;
  /// Directories of HOST[:PORT]/{*.crt,*.cert,*.key}: further CAs and client certificates.
  std::vector<std::filesystem::path> certificate_directories = {"/etc/containers/certs.d", "/etc/docker/certs.d"};
  /// Credential files, the first that knows the registry wins; see credential_files().
  std::vector<std::filesystem::path> credential_files;

  std::chrono::seconds connect_timeout{15};
  std::chrono::seconds stall_timeout{30};          ///< no byte for this long: the transfer is broken off and retried
  unsigned attempts = 6;                           ///< in a row without any progress, before giving up
  std::chrono::milliseconds first_delay{250};      ///< before the second attempt; doubles, with jitter
  std::chrono::milliseconds longest_delay{15000};  ///< bounds the delay, and what Retry-After may ask for
  std::string user_agent = "kiln";
};

}  // namespace kiln::oci
