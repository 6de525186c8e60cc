#include "cli/serve.h"

#include <signal.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "base/event_loop.h"
#include "base/human.h"
#include "base/signal_pipe.h"
#include "cli/access_log.h"
#include "cli/context.h"
#include "cli/serve_pxe.h"
#include "cli/verbs.h"
#include "http/file_service.h"
#include "http/local_addresses.h"
#include "http/server.h"

namespace kiln::cli {
namespace {

using namespace std::chrono_literals;

// An initramfs of 100 MB at 10 MB/s.
constexpr auto kGrace = 10s;

Verbosity verbosity_of(const GlobalOptions& options) {
  if (options.quiet) return Verbosity::quiet;
  return options.verbose ? Verbosity::verbose : Verbosity::normal;
}

std::vector<http::Endpoint> endpoints_of(const std::vector<std::string>& texts) {
  std::vector<http::Endpoint> endpoints;
  std::transform(texts.begin(), texts.end(), std::back_inserter(endpoints), http::Endpoint::parse);
  return endpoints;
}

void tell_urls(Context& context, const http::Server& server, const std::string& directory) {
  const std::vector<std::string> urls = http::urls_of(server.endpoints());
  std::string text = concat("serving ", printable(directory), " at\n");
  for (const std::string& url : urls) text += concat("  ", url, "\n");
  context.result(text, Fields{}.add("directory", directory).add("urls", urls));
}

int serve_files(const ServeOptions& options, Context& context) {
  raise_descriptor_limit();
  const SteadyClock clock;
  EventLoop loop{clock};
  FdTerminal errors{STDERR_FILENO};
  AccessLog log{loop, errors, verbosity_of(context.options), context.options.json};
  const http::FileService files{options.directory};
  http::ServerOptions server_options;
  server_options.listen = endpoints_of(options.listen);
  http::Server server{loop, std::move(server_options), files, log};
  tell_urls(context, server, options.directory);
  return serve_until_signal(loop, server, [&log](std::string_view line) { log.note(line); });
}

}  // namespace

int serve_until_signal(EventLoop& loop, http::Server& server, const std::function<void(std::string_view)>& note) {
  SignalPipe signals{SIGINT, SIGTERM};
  bool stopping = false;
  loop.watch(signals.fd(), EventLoop::kReadable, [&](std::uint32_t) {
    if (signals.take() == 0) return;
    if (stopping) return loop.stop();
    stopping = true;
    server.drain(kGrace, [&loop] { loop.stop(); });
    if (const std::size_t transfers = server.transfers(); transfers > 0) {
      note(concat("stopping after ", transfers, transfers == 1 ? " transfer" : " transfers", ", or ", kGrace.count(),
                  " seconds; Ctrl-C again: at once"));
    }
  });
  loop.run();
  loop.forget(signals.fd());
  return 0;
}

void raise_descriptor_limit() {
  rlimit descriptors{};
  if (::getrlimit(RLIMIT_NOFILE, &descriptors) != 0) return;
  descriptors.rlim_cur = descriptors.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &descriptors);
}

void add_serve(CLI::App& program, Context& context) {
  CLI::App* command = program.add_subcommand("serve", "Serve files over HTTP, or boot machines over the network");
  auto options = std::make_shared<ServeOptions>();
  command->add_option("dir", options->directory, "The directory; by default the current one")->type_name("[DIR]");
  command->add_option("--directory", options->directory, "The same, as LinuxKit names it")->type_name("DIR");
  command->add_option("--port", options->listen, "Where to listen: [HOST]:PORT or PORT; may be repeated (:8080)")
      ->type_name("ADDRESS")
      ->allow_extra_args(false);
  const auto pxe = add_pxe_options(*command);
  on_run(*command, [options, pxe, &context] {
    return wants_pxe(*pxe) ? serve_pxe(*pxe, context) : serve_files(*options, context);
  });
}

}  // namespace kiln::cli
