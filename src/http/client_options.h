#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

namespace kiln::http {

/// ~/.config/containers/certs.d, ~/.config/docker/certs.d (rootless docker's), /etc/containers/certs.d and
/// /etc/docker/certs.d.
std::vector<std::filesystem::path> default_certificate_directories();

/// How to speak to servers. The defaults suit the Internet; tests use shorter times.
struct ClientOptions {
  /// host[:port] of servers whose certificate is not verified. (Registries among them are reached by plain HTTP if they
  /// speak no TLS; loopback hosts need not be named there: they are tried by plain HTTP first.)
  std::vector<std::string> insecure;
  /// Directories of HOST[:PORT]/{*.crt,*.cert,*.key}: further CAs and client certificates.
  std::vector<std::filesystem::path> certificate_directories = default_certificate_directories();
  std::vector<std::filesystem::path> authorities;  ///< files of further CAs, for every host (PEM)

  std::chrono::seconds connect_timeout{15};
  std::chrono::seconds stall_timeout{30};  ///< no byte for this long: the transfer is broken off
  std::string user_agent = "kiln";
};

}  // namespace kiln::http
