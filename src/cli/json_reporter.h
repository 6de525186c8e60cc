#pragma once

#include <chrono>
#include <mutex>

#include "base/clock.h"
#include "base/reporter.h"
#include "cli/fields.h"
#include "cli/terminal.h"

namespace kiln::cli {

/// Events for programs, one JSON object a line:
///
///     {"event":"start","id":1,"verb":"pull","subject":"nginx:1.27","total":40200000}
///     {"event":"progress","id":1,"done":12100000,"total":40200000}      at most one a second for each activity
///     {"event":"finish","id":1,"done":40200000,"note":""}                or "abandon" when it did not come to its end
///     {"event":"info","message":"…"}                                     or "detail" (with --verbose), "warning"
class JsonReporter final : public Reporter {
 public:
  JsonReporter(Terminal& to, const Clock& clock, bool verbose) : to_{to}, clock_{clock}, verbose_{verbose} {}

  std::unique_ptr<Activity> start(std::string_view verb, std::string_view subject, std::uint64_t total_bytes) override;
  void info(std::string_view message) override;
  void detail(std::string_view message) override;
  void warning(std::string_view message) override;

 private:
  class Running;
  void line(const Fields& event);

  Terminal& to_;
  const Clock& clock_;
  bool verbose_;
  std::mutex mutex_;
  std::uint64_t last_id_ = 0;
};

}  // namespace kiln::cli
