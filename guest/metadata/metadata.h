#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/url.h"

namespace guest {

/// What a source knows of this machine. Everything but `provider` may be missing.
struct Metadata {
  std::string provider;
  std::string hostname;
  std::string ssh_keys;  ///< lines of authorized_keys
  std::optional<std::string> user_data;
  std::vector<std::pair<std::string, std::string>> files;  ///< more values, by the name of their file
};

/// Where HTTP sources are asked, so that tests can answer.
class Web {
 public:
  virtual ~Web() = default;

  struct Request {
    const char* method = "GET";
    Url url;
    std::vector<std::string> headers;
    bool privileged_port = false;
  };
  /// False unless there was a response of status 200; then `reached` says whether there was any response.
  virtual bool fetch(const Request& request, std::string& body) = 0;
  /// Whether the last fetch had a response, of whatever status.
  virtual bool reached() const = 0;
};

}  // namespace guest
