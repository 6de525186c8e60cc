#include "http/host_certificates.h"

#include <algorithm>
#include <cstdlib>

#include "base/error.h"
#include "base/file.h"
#include "http/curl.h"

namespace kiln::http {
namespace {

namespace fs = std::filesystem;

void add_certificates(const fs::path& directory, HostCertificates& out) {
  std::error_code error;
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator{directory, error}) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  for (const fs::path& file : files) {
    if (file.extension() == ".crt") out.authorities += read_file(file, 4 << 20) + "\n";
    if (file.extension() == ".cert" && out.client_certificate.empty()) {
      out.client_certificate = file;
      out.client_key = fs::path{file}.replace_extension(".key");
      if (!fs::exists(out.client_key, error)) {
        throw Error{"client certificate ", quote(file.native()), " has no key beside it: ", quote(out.client_key),
                    " does not exist"};
      }
    }
  }
}

}  // namespace

std::vector<fs::path> default_certificate_directories() {
  std::vector<fs::path> out;
  fs::path configuration;
  if (const char* directory = std::getenv("XDG_CONFIG_HOME"); directory != nullptr && *directory != '\0') {
    configuration = directory;
  } else if (const char* home = std::getenv("HOME"); home != nullptr && *home != '\0') {
    configuration = fs::path{home} / ".config";
  }
  if (!configuration.empty()) {
    out.push_back(configuration / "containers/certs.d");
    out.push_back(configuration / "docker/certs.d");
  }
  out.emplace_back("/etc/containers/certs.d");
  out.emplace_back("/etc/docker/certs.d");
  return out;
}

std::string system_authorities() {
  if (const char* file = std::getenv("SSL_CERT_FILE"); file != nullptr && *file != '\0') return file;
  const curl_version_info_data* info = curl().version_info(CURLVERSION_NOW);
  return info->cainfo != nullptr ? info->cainfo : "";
}

HostCertificates find_certificates(const ClientOptions& options, const std::string& host) {
  HostCertificates out;
  for (const fs::path& file : options.authorities) out.authorities += read_file(file, 4 << 20) + "\n";
  if (host.find('/') != std::string::npos || host.starts_with('.')) return out;
  for (const fs::path& directory : options.certificate_directories) add_certificates(directory / host, out);
  if (!out.authorities.empty() && !system_authorities().empty()) {
    std::error_code error;
    if (fs::exists(system_authorities(), error)) out.authorities += read_file(system_authorities(), 32 << 20);
  }
  return out;
}

}  // namespace kiln::http
