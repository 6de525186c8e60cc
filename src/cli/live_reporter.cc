#include "cli/live_reporter.h"

#include <algorithm>
#include <atomic>

#include "base/error.h"
#include "base/human.h"

namespace kiln::cli {
namespace {

constexpr std::size_t kMostRows = 12;
constexpr std::size_t kBarWidth = 20;
constexpr std::size_t kLeastSubject = 12;

std::string pad(std::string text, std::size_t columns) {
  const std::size_t width = text_width(text);
  if (width < columns) text.append(columns - width, ' ');
  return text;
}

std::string bar(std::uint64_t done, std::uint64_t total) {
  const double share = std::min(1.0, static_cast<double>(done) / static_cast<double>(total));
  const auto full = static_cast<std::size_t>(share * static_cast<double>(kBarWidth));
  std::string text = "[";
  text.append(full, '#').append(kBarWidth - full, '.');
  return text + "]";
}

std::string rate(std::uint64_t bytes, std::chrono::nanoseconds elapsed) {
  const double seconds = std::chrono::duration<double>(elapsed).count();
  if (seconds < 0.5) return {};
  return concat(human_size(static_cast<std::uint64_t>(static_cast<double>(bytes) / seconds)), "/s");
}

}  // namespace

struct LiveReporter::Row {
  std::string verb;
  std::string subject;
  std::chrono::nanoseconds began;
  std::atomic<std::uint64_t> total;
  std::atomic<std::uint64_t> done{0};
  bool ended = false;  // under the reporter's mutex
};

// advance() is called for every few kilobytes from many threads: it only adds; redraw() looks.
class LiveReporter::Running final : public Activity {
 public:
  Running(LiveReporter& reporter, std::shared_ptr<Row> row) : reporter_{reporter}, row_{std::move(row)} {}
  ~Running() override { reporter_.end(row_, false, {}); }

  void expect(std::uint64_t total_bytes) override { row_->total.store(total_bytes, std::memory_order_relaxed); }
  void advance(std::uint64_t bytes) override { row_->done.fetch_add(bytes, std::memory_order_relaxed); }
  void finish(std::string_view note) override { reporter_.end(row_, true, note); }

 private:
  LiveReporter& reporter_;
  std::shared_ptr<Row> row_;
};

LiveReporter::LiveReporter(Terminal& terminal, const Clock& clock, Verbosity verbosity, Style style)
    : terminal_{terminal}, clock_{clock}, verbosity_{verbosity}, style_{style} {}

LiveReporter::~LiveReporter() { stop(); }

std::unique_ptr<Activity> LiveReporter::start(std::string_view verb, std::string_view subject,
                                              std::uint64_t total_bytes) {
  auto row = std::make_shared<Row>();
  row->verb = printable(verb);
  row->subject = printable(subject);
  row->began = clock_.now();
  row->total = total_bytes;
  std::lock_guard lock{mutex_};
  rows_.push_back(row);
  if (std::none_of(counts_.begin(), counts_.end(), [&row](const Count& count) { return count.verb == row->verb; })) {
    counts_.push_back({.verb = row->verb});
  }
  return std::make_unique<Running>(*this, std::move(row));
}

void LiveReporter::end(const std::shared_ptr<Row>& row, bool finished, std::string_view note) {
  std::lock_guard lock{mutex_};
  if (std::exchange(row->ended, true)) return;
  std::erase(rows_, row);
  if (!finished) return;
  const auto count =
      std::find_if(counts_.begin(), counts_.end(), [&row](const Count& one) { return one.verb == row->verb; });
  ++count->done;
  count->bytes += row->done;
  if (note == "cached") ++count->cached;
  if (verbosity_ != Verbosity::verbose) return;
  std::string outcome = printable(note);
  if (outcome.empty() && row->done > 0) outcome = human_size(row->done);
  line(concat(row->verb, " ", row->subject, outcome.empty() ? "" : ": ", outcome));
}

void LiveReporter::info(std::string_view message) {
  std::lock_guard lock{mutex_};
  line(message);
}

void LiveReporter::detail(std::string_view message) {
  if (verbosity_ != Verbosity::verbose) return;
  std::lock_guard lock{mutex_};
  line(style_.faint(message));
}

void LiveReporter::warning(std::string_view message) {
  std::lock_guard lock{mutex_};
  line(concat(style_.warning("warning:"), " ", message));
}

/// Writes a line that stays, above the block.
void LiveReporter::line(std::string_view text) {
  std::string out = erase_block();
  drawn_widths_.clear();
  out += concat(text, "\n");
  if (!stopped_) out += block(terminal_.columns(), terminal_.rows());
  terminal_.write(out);
}

void LiveReporter::interrupt(const std::function<void()>& write) {
  std::lock_guard lock{mutex_};
  if (!drawn_widths_.empty()) terminal_.write(erase_block());
  drawn_widths_.clear();
  write();
  if (!stopped_) terminal_.write(block(terminal_.columns(), terminal_.rows()));
}

void LiveReporter::redraw() {
  std::lock_guard lock{mutex_};
  if (stopped_ || (rows_.empty() && drawn_widths_.empty())) return;
  std::string out = erase_block();
  out += block(terminal_.columns(), terminal_.rows());
  terminal_.write(out);
}

void LiveReporter::stop() {
  std::lock_guard lock{mutex_};
  if (std::exchange(stopped_, true)) return;
  if (!drawn_widths_.empty()) terminal_.write(erase_block());
  drawn_widths_.clear();
}

/// Up to the block's first line and clear from there. A terminal that was made narrower since has wrapped our lines.
std::string LiveReporter::erase_block() const {
  if (drawn_widths_.empty()) return {};
  const std::size_t columns = terminal_.columns();
  std::size_t lines = 0;
  for (std::size_t width : drawn_widths_) lines += std::max<std::size_t>(1, (width + columns - 1) / columns);
  return concat("\x1b[", std::min<std::size_t>(lines, terminal_.rows()), "A\r\x1b[J");
}

std::string LiveReporter::block(unsigned columns, unsigned rows) {
  drawn_widths_.clear();
  // A line as wide as the terminal would put the cursor into a state in which terminals differ.
  const unsigned width = columns > 1 ? columns - 1 : 1;
  const std::size_t room = std::min<std::size_t>(kMostRows, rows > 3 ? rows - 2 : 1);
  std::vector<std::string> lines;
  const std::size_t shown = rows_.size() <= room ? rows_.size() : room - 1;
  for (std::size_t i = 0; i < shown; ++i) lines.push_back(row_text(*rows_[i], width));
  if (shown < rows_.size()) lines.push_back(concat("... and ", rows_.size() - shown, " more"));
  if (std::string totals = totals_text(); !totals.empty()) lines.push_back(std::move(totals));
  std::string out;
  for (std::string& line : lines) {
    line = fit_width(line, width);
    drawn_widths_.push_back(text_width(line));
    out += line + "\n";
  }
  return out;
}

/// VERB SUBJECT [####....] 12.1 MB of 40.2 MB, 3.2 MB/s; what does not fit is left out from the right, then the bar.
std::string LiveReporter::row_text(const Row& row, unsigned columns) const {
  const std::chrono::nanoseconds elapsed = clock_.now() - row.began;
  const std::uint64_t done = row.done;
  const std::uint64_t total = row.total;
  std::vector<std::string> extras;  // the first is the last to be left out
  if (total > 0) extras.push_back(concat(human_size(done), " of ", human_size(total)));
  if (total == 0 && done > 0) extras.push_back(human_size(done));
  if (total > 0) extras.push_back(bar(done, total));
  if (std::string speed = done > 0 ? rate(done, elapsed) : ""; !speed.empty()) extras.push_back(std::move(speed));
  if (extras.empty() && elapsed >= std::chrono::seconds{1}) extras.push_back(human_duration(elapsed));

  const std::size_t verb_width = text_width(row.verb) + 1;
  const std::size_t subject_width =
      std::max(kLeastSubject, std::min<std::size_t>(text_width(row.subject), columns / 2));
  std::string tail;
  for (const std::string& extra : extras) {
    // For the first, the subject gives way; for the others it does not.
    const std::size_t reserved = tail.empty() ? std::min(kLeastSubject, subject_width) : subject_width;
    if (verb_width + reserved + text_width(tail) + 2 + text_width(extra) > columns) break;
    tail += "  " + extra;
  }
  const std::size_t left = columns > verb_width + text_width(tail) ? columns - verb_width - text_width(tail) : 0;
  const std::string subject = fit_width(row.subject, left);
  return concat(row.verb, " ", tail.empty() ? subject : pad(subject, std::min(subject_width, left)), tail);
}

std::string LiveReporter::totals_text() const {
  std::string text;
  for (const Count& count : counts_) {
    if (count.done == 0) continue;
    text += concat(text.empty() ? "" : "; ", count.verb, ": ", count.done, " done");
    if (count.cached > 0) text += concat(", ", count.cached, " from the cache");
    if (count.bytes > 0) text += concat(", ", human_size(count.bytes));
  }
  return text;
}

}  // namespace kiln::cli
