#pragma once

#include <mutex>

#include "base/reporter.h"
#include "cli/style.h"
#include "cli/terminal.h"

namespace kiln::cli {

enum class Verbosity { quiet, normal, verbose };

/// Lines for logs and pipes: one when an activity ends (nothing that changes while it lasts). Quiet: warnings only.
class PlainReporter final : public Reporter {
 public:
  enum class Lines { bare, with_levels };  ///< the latter as LinuxKit's log has them (cli/log_line.h)

  PlainReporter(Terminal& to, Verbosity verbosity, Style style, Lines lines = Lines::bare)
      : to_{to}, verbosity_{verbosity}, style_{style}, lines_{lines} {}

  std::unique_ptr<Activity> start(std::string_view verb, std::string_view subject, std::uint64_t total_bytes) override;
  void info(std::string_view message) override;
  void detail(std::string_view message) override;
  void warning(std::string_view message) override;

 private:
  class Running;
  void line(std::string_view level, std::string_view text);

  Terminal& to_;
  Verbosity verbosity_;
  Style style_;
  Lines lines_;
  std::mutex mutex_;
};

}  // namespace kiln::cli
