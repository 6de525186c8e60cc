#include "oci/backoff.h"

#include <algorithm>
#include <charconv>
#include <ctime>
#include <random>
#include <thread>

#include "http/curl.h"

namespace kiln::oci {
namespace {

using std::chrono::milliseconds;

milliseconds jittered(milliseconds delay) {
  thread_local std::minstd_rand random{std::random_device{}()};
  return milliseconds{std::uniform_int_distribution<std::int64_t>{delay.count() / 2, delay.count()}(random)};
}

}  // namespace

bool Backoff::wait(milliseconds asked) {
  if (++failures_ >= attempts_) return false;
  std::this_thread::sleep_for(std::min(std::max(jittered(delay_), asked), options_.longest_delay));
  delay_ = std::min(2 * delay_, options_.longest_delay);
  return true;
}

void Backoff::progress() {
  failures_ = 0;
  delay_ = options_.first_delay;
}

milliseconds parse_retry_after(const std::string& header) {
  constexpr std::int64_t kDay = 86400;
  std::int64_t seconds = 0;
  const char* end = header.data() + header.size();
  const auto [rest, error] = std::from_chars(header.data(), end, seconds);
  if (error != std::errc{} || rest != end) {
    const std::time_t date = http::curl().getdate(header.c_str(), nullptr);
    if (header.empty() || date < 0) return {};
    seconds = date - std::time(nullptr);
  }
  return std::chrono::seconds{std::clamp<std::int64_t>(seconds, 0, kDay)};
}

}  // namespace kiln::oci
