#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace kiln {

/// One piece of work that is shown while it lasts. Ends with its life; finish() says how it ended. Thread-safe.
class Activity {
 public:
  virtual ~Activity() = default;
  virtual void expect(std::uint64_t total_bytes) = 0;  ///< how much there is to do, when it becomes known
  virtual void advance(std::uint64_t bytes) = 0;
  virtual void finish(std::string_view note) = 0;  ///< for example "cached" or "12.1 MB"
};

/// Where progress and diagnostics go: stderr as one live block on a terminal, as plain lines elsewhere, as JSON lines
/// with --json, nowhere with --quiet. Libraries get it passed in and print nothing themselves. Thread-safe.
class Reporter {
 public:
  virtual ~Reporter() = default;

  /// Begins an activity, for example start("pull", "nginx:1.27", layer size in bytes or 0 if unknown).
  virtual std::unique_ptr<Activity> start(std::string_view verb, std::string_view subject,
                                          std::uint64_t total_bytes = 0) = 0;
  virtual void info(std::string_view message) = 0;     ///< a line worth a normal user's attention
  virtual void detail(std::string_view message) = 0;   ///< a line for --verbose
  virtual void warning(std::string_view message) = 0;  ///< shown even with --quiet
};

/// Says nothing; for tests and for code that runs without a user.
class SilentReporter final : public Reporter {
 public:
  std::unique_ptr<Activity> start(std::string_view, std::string_view, std::uint64_t) override;
  void info(std::string_view) override {}
  void detail(std::string_view) override {}
  void warning(std::string_view) override {}
};

}  // namespace kiln
