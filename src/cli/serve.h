#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace kiln {
class EventLoop;
}
namespace kiln::http {
class Server;
}

namespace kiln::cli {

class Context;

/// The options of `kiln serve`.
struct ServeOptions {
  std::vector<std::string> listen = {":8080"};  ///< --port
  std::string directory = ".";
};

/// Runs the loop until SIGINT or SIGTERM, then lets responses that are on their way end, for a while; a second signal
/// ends that; `note` is told what is waited for. Make it the last use of the terminal: Context's own watch for signals
/// must have ended (Context::end_progress).
int serve_until_signal(EventLoop& loop, http::Server& server, const std::function<void(std::string_view)>& note);

/// Lets the process have as many descriptors as it may: servers need one or two for each client.
void raise_descriptor_limit();

}  // namespace kiln::cli
