#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/reporter.h"
#include "machine/remote/transport.h"
#include "machine/remote/waiter.h"

namespace kiln::machine::testing_ {

/// Time that passes as soon as it is waited for.
class FakeWaiter final : public Waiter {
 public:
  std::chrono::nanoseconds now() const override { return now_; }
  void pause(std::chrono::nanoseconds duration) override {
    now_ += duration;
    if (interrupt_at_.count() != 0 && now_ >= interrupt_at_) throw Interrupted{SIGINT};
  }
  void interrupt_after(std::chrono::nanoseconds duration) { interrupt_at_ = now_ + duration; }

 private:
  std::chrono::nanoseconds now_{};
  std::chrono::nanoseconds interrupt_at_{};
};

/// Answers what the test says, and remembers what it was asked: "METHOD PATH BODY".
class FakeTransport final : public Transport {
 public:
  using Handler = std::function<http::Reply(const http::ClientRequest&)>;
  explicit FakeTransport(Handler handler) : handler_{std::move(handler)} {}

  http::Reply perform(const http::ClientRequest& request) override {
    const std::size_t slash = request.url.find('/', request.url.find("://") + 3);
    std::string line = request.method + " " + request.url.substr(slash);
    if (!request.text.empty()) line += " " + request.text;
    requests.push_back(line);
    seen.push_back(request);
    return handler_(request);
  }

  std::vector<std::string> requests;
  std::vector<http::ClientRequest> seen;

 private:
  Handler handler_;
};

inline http::Reply reply(long status, std::string body = {}, std::multimap<std::string, std::string> headers = {}) {
  http::Reply out;
  out.status = status;
  out.body = std::move(body);
  out.headers = std::move(headers);
  return out;
}

/// Remembers what the user was told.
class RecordingReporter final : public Reporter {
 public:
  std::unique_ptr<Activity> start(std::string_view verb, std::string_view subject, std::uint64_t total) override {
    return SilentReporter{}.start(verb, subject, total);
  }
  void info(std::string_view message) override { told.emplace_back(message); }
  void detail(std::string_view) override {}
  void warning(std::string_view message) override { told.push_back("warning: " + std::string{message}); }

  std::vector<std::string> told;
};

template <typename Function>
std::string message_of(Function&& function) {
  try {
    function();
  } catch (const Error& error) {
    return error.hint().empty() ? error.message() : error.message() + "\nhint: " + error.hint();
  }
  return "no error";
}

}  // namespace kiln::machine::testing_
