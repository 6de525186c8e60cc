#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/reporter.h"
#include "cli/plain_reporter.h"
#include "cli/style.h"
#include "cli/terminal.h"

namespace kiln::cli {

/// One block at the bottom of a terminal, rewritten in place: a row for each running activity, a last row that counts
/// what is done. Lines that stay (info, warnings) are written above it. The caller calls redraw() about ten times a
/// second, and stop() before something else writes to the terminal.
///
/// The cursor is neither hidden nor left inside the block, so whatever ends the program leaves a usable terminal.
class LiveReporter final : public Reporter {
 public:
  LiveReporter(Terminal& terminal, const Clock& clock, Verbosity verbosity, Style style);
  ~LiveReporter() override;

  std::unique_ptr<Activity> start(std::string_view verb, std::string_view subject, std::uint64_t total_bytes) override;
  void info(std::string_view message) override;
  void detail(std::string_view message) override;
  void warning(std::string_view message) override;

  /// Has something written to the terminal by others, above the block.
  void interrupt(const std::function<void()>& write);
  void redraw();
  void stop();  ///< erases the block; later lines are plain, and no block is drawn again

 private:
  struct Row;
  class Running;
  /// What has ended, by verb.
  struct Count {
    std::string verb;
    std::uint64_t done = 0;
    std::uint64_t cached = 0;  ///< of them, those that finished with the note "cached"
    std::uint64_t bytes = 0;
  };

  void end(const std::shared_ptr<Row>& row, bool finished, std::string_view note);
  void line(std::string_view text);
  std::string erase_block() const;
  std::string block(unsigned columns, unsigned rows);
  std::string row_text(const Row& row, unsigned columns) const;
  std::string totals_text() const;

  Terminal& terminal_;
  const Clock& clock_;
  Verbosity verbosity_;
  Style style_;
  std::mutex mutex_;
  std::vector<std::shared_ptr<Row>> rows_;  // in the order they began
  std::vector<Count> counts_;               // in the order the verbs were first used
  std::vector<std::size_t> drawn_widths_;   // of the block's lines on the screen
  bool stopped_ = false;
};

}  // namespace kiln::cli
