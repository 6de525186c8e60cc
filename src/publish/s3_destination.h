#pragma once

#include "http/client.h"
#include "publish/destination.h"

namespace kiln::publish {

// Internal to this folder.

/// Objects of an S3 bucket.
class S3Destination final : public Destination {
 public:
  /// `bucket_and_prefix`: "BUCKET" or "BUCKET/PREFIX". Throws Error if the keys are missing or the name cannot be one.
  S3Destination(const std::string& bucket_and_prefix, const DestinationOptions& options);
  void put(const std::string& name, int file, std::uint64_t size) override;
  std::string location(const std::string& name) const override { return url_ + name; }

 private:
  std::string url_;  // of the prefix, with a slash at its end
  DestinationOptions options_;
  http::Client client_;
};

}  // namespace kiln::publish
