#pragma once

#include <string>

#include "base/event_loop.h"
#include "cli/fields.h"
#include "cli/plain_reporter.h"
#include "cli/terminal.h"
#include "http/observer.h"

namespace kiln::cli {

/// A line for every response of a server, on a terminal or as JSON:
///
///     12:04:31 192.0.2.7 GET /web-kernel 200 30.9 MB in 1.2 s
///     12:04:35 192.0.2.7 GET /web-initrd.img 200 cut off at 12.1 MB of 72.5 MB after 3.0 s: client closed the
///     connection
///     {"event":"request","time":"…","peer":"192.0.2.7","method":"GET","target":"/web-kernel","status":200,"sent":…}
///     {"event":"sending", …}                      about once a second while a response lasts (plain: with --verbose)
class AccessLog final : public http::Observer {
 public:
  AccessLog(EventLoop& loop, Terminal& to, Verbosity verbosity, bool json)
      : loop_{loop}, to_{to}, verbosity_{verbosity}, json_{json} {}
  ~AccessLog() override;

  void on_response(const http::Transfer& transfer, std::string_view cut) override;
  void on_progress(const http::Transfer& transfer) override;
  void on_trouble(std::string_view message) override;

  /// A line of its own, with the time, at its place among the others.
  void note(std::string_view message);

 private:
  void write(const std::string& line);
  void flush();

  EventLoop& loop_;
  Terminal& to_;
  Verbosity verbosity_;
  bool json_;
  std::string lines_;  // of this round of the loop: a busy server writes them together
  EventLoop::Timer flushing_ = 0;
};

}  // namespace kiln::cli
