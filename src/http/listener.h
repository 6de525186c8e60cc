#pragma once

#include <vector>

#include "base/unique_fd.h"
#include "http/endpoint.h"

namespace kiln::http {

struct Listener {
  UniqueFd socket;
  Endpoint endpoint;  ///< with the port it got; the host as it was asked for
};

/// Non-blocking sockets that listen on all of `wanted`: a name may stand for several addresses, an empty host for every
/// address of both families. Throws Error.
std::vector<Listener> open_listeners(const std::vector<Endpoint>& wanted);

}  // namespace kiln::http
