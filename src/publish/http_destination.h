#pragma once

#include "http/client.h"
#include "publish/destination.h"

namespace kiln::publish {

// Internal to this folder.

/// A collection of a web server that takes PUT (RFC 9110 §9.3.4), or of a WebDAV server (RFC 4918).
class HttpDestination final : public Destination {
 public:
  HttpDestination(std::string url, const DestinationOptions& options);
  void put(const std::string& name, int file, std::uint64_t size) override;
  std::string location(const std::string& name) const override { return url_ + name; }

 private:
  http::ClientRequest request(const std::string& method, const std::string& url) const;
  void make_collections();

  std::string url_;  // ends in a slash
  DestinationOptions options_;
  http::Client client_;
};

}  // namespace kiln::publish
