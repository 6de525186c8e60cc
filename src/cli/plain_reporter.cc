#include "cli/plain_reporter.h"

#include <atomic>

#include "base/error.h"
#include "base/human.h"
#include "cli/log_line.h"

namespace kiln::cli {

class PlainReporter::Running final : public Activity {
 public:
  Running(PlainReporter& reporter, std::string what) : reporter_{reporter}, what_{std::move(what)} {}

  void expect(std::uint64_t) override {}
  void advance(std::uint64_t bytes) override { done_.fetch_add(bytes, std::memory_order_relaxed); }
  void finish(std::string_view note) override {
    const std::uint64_t done = done_.load(std::memory_order_relaxed);
    std::string outcome = printable(note);
    if (outcome.empty() && done > 0) outcome = human_size(done);
    reporter_.info(outcome.empty() ? what_ : concat(what_, ": ", outcome));
  }

 private:
  PlainReporter& reporter_;
  std::string what_;
  std::atomic<std::uint64_t> done_{0};
};

std::unique_ptr<Activity> PlainReporter::start(std::string_view verb, std::string_view subject, std::uint64_t) {
  std::string what = concat(printable(verb), " ", printable(subject));
  detail(concat(what, " ..."));
  return std::make_unique<Running>(*this, std::move(what));
}

void PlainReporter::info(std::string_view message) {
  if (verbosity_ != Verbosity::quiet) line("info", message);
}

void PlainReporter::detail(std::string_view message) {
  if (verbosity_ == Verbosity::verbose) line("debug", message);
}

void PlainReporter::warning(std::string_view message) { line("warning", message); }

void PlainReporter::line(std::string_view level, std::string_view text) {
  std::string whole;
  if (lines_ == Lines::with_levels) {
    whole = log_line(std::chrono::system_clock::now(), level, text);
  } else {
    whole = concat(level == "warning" ? style_.warning("warning:") + " " : "", text, "\n");
  }
  std::lock_guard lock{mutex_};
  to_.write(whole);
}

}  // namespace kiln::cli
