#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "http/client_options.h"

namespace kiln::publish {

/// Where files are published. They are given one after the other, the one that makes use of the others last.
class Destination {
 public:
  virtual ~Destination() = default;
  /// Stores the first `size` bytes of `file` under a name of one component.
  virtual void put(const std::string& name, int file, std::uint64_t size) = 0;
  /// All have been put. A directory shows none of them before.
  virtual void finish() {}
  /// What a user calls that file there: a path or a URL.
  virtual std::string location(const std::string& name) const = 0;
};

/// Keys for S3 (Signature Version 4).
struct S3Keys {
  std::string access_key, secret_key, session_token;
};

struct DestinationOptions {
  http::ClientOptions http;
  std::string bearer_token;    ///< for http(s) destinations
  std::string user, password;  ///< the same, Basic; neither of them: what the netrc file has for the host
  std::string netrc_file;      ///< empty: there is none
  std::optional<S3Keys> s3_keys;
  std::string
      s3_endpoint;  ///< URL of an S3-compatible server, whose buckets are the first part of paths; empty: Amazon's
  std::string s3_region = "us-east-1";
};

/// A directory or file: URL; http: or https: (PUT, with MKCOL for collections that are missing); s3://BUCKET[/PREFIX].
/// Throws Error for anything else.
std::unique_ptr<Destination> make_destination(const std::string& text, const DestinationOptions& options);

/// From the environment: KILN_HTTP_TOKEN, or KILN_HTTP_USER and KILN_HTTP_PASSWORD, or the file $NETRC or ~/.netrc;
/// AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_REGION or AWS_DEFAULT_REGION, AWS_ENDPOINT_URL_S3
/// or AWS_ENDPOINT_URL.
DestinationOptions destination_options_of_environment();

}  // namespace kiln::publish
