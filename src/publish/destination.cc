#include "publish/destination.h"

#include <cstdlib>
#include <filesystem>

#include "base/error.h"
#include "publish/directory_destination.h"
#include "publish/http_destination.h"
#include "publish/s3_destination.h"

namespace kiln::publish {
namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string first_of(const char* one, const char* other) {
  std::string value = environment(one);
  return value.empty() ? environment(other) : value;
}

/// file:DIR, file:///DIR or file://localhost/DIR (RFC 8089).
std::string path_of_file_url(const std::string& url) {
  std::string path = url.substr(std::string_view{"file:"}.size());
  if (path.starts_with("//localhost/")) return path.substr(std::string_view{"//localhost"}.size());
  if (path.starts_with("///")) return path.substr(2);
  if (path.empty() || path.starts_with("//")) {
    throw Error{"destination ", quote(url), ": expected a directory of this host, as in file:///srv/boot"};
  }
  return path;
}

}  // namespace

std::unique_ptr<Destination> make_destination(const std::string& text, const DestinationOptions& options) {
  if (text.empty()) throw Error{"the destination is empty: expected a directory or a URL"};
  if (text.starts_with("file:")) return std::make_unique<DirectoryDestination>(path_of_file_url(text));
  if (text.starts_with("http://") || text.starts_with("https://")) {
    return std::make_unique<HttpDestination>(text, options);
  }
  constexpr std::string_view kS3 = "s3://";
  if (text.starts_with(kS3)) return std::make_unique<S3Destination>(text.substr(kS3.size()), options);
  if (const std::size_t end = text.find("://"); end != std::string::npos) {
    throw Error{"destination ", quote(text), ": unknown scheme ", quote(text.substr(0, end)),
                ": expected a directory, file:, http:, https:, s3: or oci:"};
  }
  return std::make_unique<DirectoryDestination>(text);
}

DestinationOptions destination_options_of_environment() {
  DestinationOptions options;
  options.bearer_token = environment("KILN_HTTP_TOKEN");
  options.user = environment("KILN_HTTP_USER");
  options.password = environment("KILN_HTTP_PASSWORD");
  options.netrc_file = environment("NETRC");
  if (const std::string home = environment("HOME"); options.netrc_file.empty() && !home.empty()) {
    const std::filesystem::path file = std::filesystem::path{home} / ".netrc";
    if (std::filesystem::exists(file)) options.netrc_file = file;
  }
  S3Keys keys{environment("AWS_ACCESS_KEY_ID"), environment("AWS_SECRET_ACCESS_KEY"), environment("AWS_SESSION_TOKEN")};
  if (!keys.access_key.empty() && !keys.secret_key.empty()) options.s3_keys = std::move(keys);
  if (const std::string region = first_of("AWS_REGION", "AWS_DEFAULT_REGION"); !region.empty())
    options.s3_region = region;
  options.s3_endpoint = first_of("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL");
  return options;
}

}  // namespace kiln::publish
