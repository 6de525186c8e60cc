#include "publish/s3_destination.h"

#include <unistd.h>

#include <algorithm>
#include <vector>

#include "base/human.h"
#include "base/sha256.h"
#include "http/url.h"
#include "publish/patiently.h"

namespace kiln::publish {
namespace {

constexpr std::uint64_t kMostInOnePut = std::uint64_t{5} << 30;  // S3's limit of PutObject

/// Of the bytes that will be sent: S3 refuses the object if others arrive (Signature Version 4, x-amz-content-sha256).
std::string content_hash(int file, std::uint64_t size, const std::string& name) {
  if (::lseek(file, 0, SEEK_SET) < 0) throw SysError{errno, "reading ", quote(name)};
  FdSource source{file, name};
  LimitedSource content{source, size};
  Sha256Hasher hasher;
  std::vector<std::byte> buffer(256 << 10);
  while (const std::size_t got = content.read(buffer)) hasher.update(Bytes{buffer}.first(got));
  if (content.left() > 0) throw Error{"reading ", quote(name), ": the file has become shorter"};
  return hasher.finish().hex();
}

std::string escaped_path(const std::string& path) {
  std::string out;
  std::size_t begin = 0;
  while (begin <= path.size()) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    out += concat(begin == 0 ? "" : "/", http::url_escape(path.substr(begin, end - begin)));
    begin = end + 1;
  }
  return out;
}

/// Amazon names buckets in the host, other servers in the path.
std::string base_url(const std::string& bucket, const DestinationOptions& options) {
  if (options.s3_endpoint.empty()) return concat("https://", bucket, ".s3.", options.s3_region, ".amazonaws.com/");
  std::string endpoint = options.s3_endpoint;
  if (http::origin_of(endpoint).empty()) {
    throw Error{"S3 endpoint ", quote(endpoint), " is not a URL: expected http:// or https:// and a host"};
  }
  while (endpoint.ends_with('/')) endpoint.pop_back();
  return concat(endpoint, "/", bucket, "/");
}

void check_bucket(const std::string& bucket) {
  const bool good = bucket.size() >= 3 && bucket.size() <= 63 &&
                    bucket.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789.-") == std::string::npos;
  if (!good)
    throw Error{"S3 bucket ", quote(bucket), ": expected 3 to 63 lower-case letters, digits, dots and hyphens"};
}

}  // namespace

S3Destination::S3Destination(const std::string& bucket_and_prefix, const DestinationOptions& options)
    : options_{options}, client_{options_.http} {
  const std::size_t slash = std::min(bucket_and_prefix.find('/'), bucket_and_prefix.size());
  const std::string bucket = bucket_and_prefix.substr(0, slash);
  check_bucket(bucket);
  std::string prefix = slash < bucket_and_prefix.size() ? bucket_and_prefix.substr(slash + 1) : "";
  while (prefix.ends_with('/')) prefix.pop_back();
  url_ = concat(base_url(bucket, options_), escaped_path(prefix), prefix.empty() ? "" : "/");
  if (!options_.s3_keys) {
    throw Error{"uploading to S3 needs keys, and there are none"}.with_hint(
        "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY");
  }
}

void S3Destination::put(const std::string& name, int file, std::uint64_t size) {
  if (size > kMostInOnePut) {
    throw Error{"uploading ", quote(name), ": it has ", human_size(size), "; S3 takes ", human_size(kMostInOnePut),
                " at once"};
  }
  const S3Keys& keys = *options_.s3_keys;
  http::ClientRequest upload;
  upload.method = "PUT";
  upload.url = url_ + http::url_escape(name);
  upload.headers = {"Content-Type: application/octet-stream",
                    concat("x-amz-content-sha256: ", content_hash(file, size, name))};
  if (!keys.session_token.empty()) upload.headers.push_back("x-amz-security-token: " + keys.session_token);
  upload.signature = {concat("aws:amz:", options_.s3_region, ":s3"), keys.access_key, keys.secret_key};
  upload.file = file;
  upload.size = size;
  const http::Reply reply = perform_patiently(client_, upload);
  if (reply.good()) return;
  Error error{"uploading ", quote(upload.url), ": the server answered ", describe_reply(reply)};
  if (reply.status != 403) throw error;
  throw std::move(error).with_hint("check the keys, the region (--s3-region) and this host's clock");
}

}  // namespace kiln::publish
