#include "cli/json_reporter.h"

#include <atomic>

namespace kiln::cli {

class JsonReporter::Running final : public Activity {
 public:
  Running(JsonReporter& reporter, std::uint64_t id, std::uint64_t total)
      : reporter_{reporter}, id_{id}, total_{total}, last_shown_{reporter.clock_.now().count()} {}
  ~Running() override {
    if (!finished_) reporter_.line(Fields{}.add("event", "abandon").add("id", id_).add("done", done_.load()));
  }

  void expect(std::uint64_t total_bytes) override { total_ = total_bytes; }
  void advance(std::uint64_t bytes) override {
    const std::uint64_t done = done_ += bytes;
    const std::int64_t now = reporter_.clock_.now().count();
    std::int64_t last = last_shown_;
    if (now - last < kInterval.count() || !last_shown_.compare_exchange_strong(last, now)) return;
    reporter_.line(Fields{}.add("event", "progress").add("id", id_).add("done", done).add("total", total_.load()));
  }
  void finish(std::string_view note) override {
    finished_ = true;
    reporter_.line(
        Fields{}.add("event", "finish").add("id", id_).add("done", done_.load()).add("note", std::string{note}));
  }

 private:
  static constexpr std::chrono::nanoseconds kInterval = std::chrono::seconds{1};
  JsonReporter& reporter_;
  std::uint64_t id_;
  std::atomic<std::uint64_t> total_;
  std::atomic<std::uint64_t> done_{0};
  std::atomic<std::int64_t> last_shown_;
  std::atomic<bool> finished_{false};
};

std::unique_ptr<Activity> JsonReporter::start(std::string_view verb, std::string_view subject,
                                              std::uint64_t total_bytes) {
  std::uint64_t id = 0;
  {
    std::lock_guard lock{mutex_};
    id = ++last_id_;
  }
  line(Fields{}
           .add("event", "start")
           .add("id", id)
           .add("verb", std::string{verb})
           .add("subject", std::string{subject})
           .add("total", total_bytes));
  return std::make_unique<Running>(*this, id, total_bytes);
}

void JsonReporter::info(std::string_view message) {
  line(Fields{}.add("event", "info").add("message", std::string{message}));
}

void JsonReporter::detail(std::string_view message) {
  if (verbose_) line(Fields{}.add("event", "detail").add("message", std::string{message}));
}

void JsonReporter::warning(std::string_view message) {
  line(Fields{}.add("event", "warning").add("message", std::string{message}));
}

void JsonReporter::line(const Fields& event) {
  std::lock_guard lock{mutex_};
  to_.write(event.to_json() + "\n");
}

}  // namespace kiln::cli
