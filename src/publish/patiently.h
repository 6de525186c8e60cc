#pragma once

#include <string>

#include "http/client.h"

namespace kiln::publish {

// Internal to this folder.

/// client.perform(), again while the connection fails or the server asks to come again (RFC 9110 §15.6.4), with growing
/// waits. Throws Error after some attempts; every other status is a reply.
http::Reply perform_patiently(http::Client& client, const http::ClientRequest& request);

/// The same, but every status is a reply at once.
http::Reply perform_connected(http::Client& client, const http::ClientRequest& request);

/// "403 (<Code>SignatureDoesNotMatch</Code>…)": what a server said, short and safe to show.
std::string describe_reply(const http::Reply& reply);

}  // namespace kiln::publish
