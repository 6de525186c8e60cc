#include "cli/context.h"

#include <signal.h>

#include <optional>
#include <thread>

#include <poll.h>
#include <sys/eventfd.h>

#include "base/clock.h"
#include "base/signal_pipe.h"
#include "base/stream.h"
#include "base/thread_pool.h"
#include "base/unique_fd.h"
#include "cli/json_reporter.h"
#include "cli/live_reporter.h"
#include "cli/plain_reporter.h"
#include "cli/terminal.h"
#include "oci/store.h"

namespace kiln::cli {
namespace {

/// One thread that redraws the live block, and on SIGINT, SIGTERM or SIGHUP clears it and ends the process with
/// 128 + signal. What was half-written are temporaries, which the next start removes: there is nothing to unwind.
class Watch {
 public:
  explicit Watch(LiveReporter* live) : live_{live}, thread_{[this] { run(); }} {}
  ~Watch() {
    // Not by a flag that the next redraw would see: a tenth of a second is more than most builds take.
    ::eventfd_write(stop_.get(), 1);
    thread_.join();
  }
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

 private:
  static constexpr int kRedrawMilliseconds = 100;

  void run() {
    for (;;) {
      pollfd waiting[] = {{signals_.fd(), POLLIN, 0}, {stop_.get(), POLLIN, 0}};
      ::poll(waiting, 2, live_ != nullptr ? kRedrawMilliseconds : -1);
      if (const int signal = signals_.take(); signal != 0) {
        if (live_ != nullptr) live_->stop();
        ::_exit(128 + signal);
      }
      if (waiting[1].revents != 0) return;
      if (live_ != nullptr) live_->redraw();
    }
  }

  LiveReporter* live_;
  SignalPipe signals_{SIGINT, SIGTERM, SIGHUP};
  UniqueFd stop_{::eventfd(0, EFD_CLOEXEC)};
  std::thread thread_;
};

Verbosity verbosity_of(const GlobalOptions& options) {
  if (options.quiet) return Verbosity::quiet;
  return options.verbose ? Verbosity::verbose : Verbosity::normal;
}

}  // namespace

struct Context::Parts {
  FdTerminal errors{STDERR_FILENO};
  SteadyClock clock;
  std::unique_ptr<Reporter> reporter;
  LiveReporter* live = nullptr;
  std::optional<Watch> watch;
  std::optional<oci::Store> store;
  std::optional<ThreadPool> pool;
  std::optional<Locations> locations;
};

Context::Context(const Dialect& dialect) : dialect_{dialect}, parts_{std::make_unique<Parts>()} {}
Context::~Context() = default;

Reporter& Context::reporter() {
  if (parts_->reporter) return *parts_->reporter;
  const Style style{parts_->errors.has_colours()};
  if (options.json) {
    parts_->reporter = std::make_unique<JsonReporter>(parts_->errors, parts_->clock, options.verbose);
  } else if (options.quiet || options.log_levels || !parts_->errors.is_live()) {
    const auto lines = options.log_levels ? PlainReporter::Lines::with_levels : PlainReporter::Lines::bare;
    parts_->reporter = std::make_unique<PlainReporter>(parts_->errors, verbosity_of(options), style, lines);
  } else {
    auto live = std::make_unique<LiveReporter>(parts_->errors, parts_->clock, verbosity_of(options), style);
    parts_->live = live.get();
    parts_->reporter = std::move(live);
  }
  parts_->watch.emplace(parts_->live);
  return *parts_->reporter;
}

oci::Store& Context::store() {
  if (!parts_->store) {
    parts_->store.emplace(options.cache.empty() ? dialect_.cache_directory() : std::filesystem::path{options.cache});
  }
  return *parts_->store;
}

ThreadPool& Context::pool() {
  if (!parts_->pool) parts_->pool.emplace(options.jobs);
  return *parts_->pool;
}

const Locations& Context::locations() {
  if (!parts_->locations) parts_->locations = Locations::of_this_program();
  return *parts_->locations;
}

void Context::print(std::string_view text) {
  end_progress();
  FdSink{STDOUT_FILENO, "standard output"}.write(as_bytes(text));
}

void Context::tell(std::string_view line) {
  reporter();
  const auto write = [&] { FdSink{STDOUT_FILENO, "standard output"}.write(as_bytes(concat(line, "\n"))); };
  if (parts_->live != nullptr) {
    parts_->live->interrupt(write);
  } else {
    write();
  }
}

void Context::print_error(std::string_view text) {
  end_progress();
  parts_->errors.write(text);
}

void Context::result(std::string_view text, const Fields& object) {
  print(options.json ? object.to_json() + "\n" : std::string{text});
}

void Context::end_progress() {
  parts_->watch.reset();
  if (parts_->live != nullptr) parts_->live->stop();
}

void Context::show_error(const Error& error) {
  end_progress();
  if (options.json) {
    Fields event;
    event.add("event", "error").add("message", error.message());
    if (!error.hint().empty()) event.add("hint", error.hint());
    parts_->errors.write(event.to_json() + "\n");
    return;
  }
  const Style style{parts_->errors.has_colours()};
  parts_->errors.write(dialect_.error_text(error, style, std::chrono::system_clock::now()));
}

}  // namespace kiln::cli
