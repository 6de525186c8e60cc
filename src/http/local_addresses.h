#pragma once

#include <string>
#include <vector>

#include "http/endpoint.h"

namespace kiln::http {

/// The addresses of this machine's interfaces that are up, loopback first, IPv4 before IPv6, without link-local ones.
std::vector<std::string> local_addresses();

/// "http://ADDRESS:PORT/" for every address that can be reached through one of `endpoints`.
std::vector<std::string> urls_of(const std::vector<Endpoint>& endpoints);

}  // namespace kiln::http
