#pragma once

#include <string>

#include "http/client_options.h"

namespace kiln::http {

// Internal to this folder.

/// The file of certificate authorities that the environment ($SSL_CERT_FILE) or libcurl names; may be empty.
std::string system_authorities();

/// What the certificate directories have for one host[:port] (containers-certs.d(5)).
struct HostCertificates {
  std::string authorities;                     ///< PEM, the system's included; empty if there are no extra ones
  std::string client_certificate, client_key;  ///< paths
};
HostCertificates find_certificates(const ClientOptions& options, const std::string& host);

}  // namespace kiln::http
