#pragma once

#include <string>

#include "oci/session.h"

namespace kiln::oci {

// Internal to this folder.

/// One upload of a blob (distribution-spec, "Pushing a blob in chunks"): sent in one piece and, if that breaks off,
/// continued from where the registry says it is. What is passed in must outlive it.
class BlobUpload {
 public:
  BlobUpload(Session& session, const Endpoint& endpoint, const Scope& scope, const Descriptor& blob, int file)
      : session_{session}, endpoint_{endpoint}, scope_{scope}, blob_{blob}, file_{file} {}

  bool present();  ///< the registry has the blob already
  bool start();    ///< true if the registry mounted the blob and nothing need be sent
  void send();     ///< sends the rest and closes the upload; throws http::TransportError when it may be continued
  bool resume();   ///< asks how far the registry got; false if it has forgotten the upload

 private:
  void expect(const http::Reply& reply, long status);
  void follow(const http::Reply& reply);

  Session& session_;
  const Endpoint& endpoint_;
  const Scope& scope_;
  const Descriptor& blob_;
  int file_;
  std::string location_;
  std::uint64_t offset_ = 0;
};

/// The whole text as a decimal number.
std::optional<std::uint64_t> parse_number(std::string_view text);

}  // namespace kiln::oci
