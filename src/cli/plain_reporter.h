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
  PlainReporter(Terminal& to, Verbosity verbosity, Style style) : to_{to}, verbosity_{verbosity}, style_{style} {}

  std::unique_ptr<Activity> start(std::string_view verb, std::string_view subject, std::uint64_t total_bytes) override;
  void info(std::string_view message) override;
  void detail(std::string_view message) override;
  void warning(std::string_view message) override;

 private:
  class Running;
  void line(std::string_view text);

  Terminal& to_;
  Verbosity verbosity_;
  Style style_;
  std::mutex mutex_;
};

}  // namespace kiln::cli
