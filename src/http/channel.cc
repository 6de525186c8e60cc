#include "http/channel.h"

#include "base/error.h"

namespace kiln::http {

bool Channel::send(std::string_view text) {
  if (!is_open()) return false;
  if (pending_.size() + text.size() > kMostBehind) {
    closed_ = true;
    pending_.clear();
  } else {
    pending_ += text;
  }
  if (wake_) wake_();
  return !closed_;
}

bool Channel::send_event(std::string_view name, std::string_view data) {
  std::string event = concat("event: ", name, "\n");
  while (true) {
    const std::size_t end = data.find('\n');
    event += concat("data: ", data.substr(0, end), "\n");
    if (end == std::string_view::npos) break;
    data.remove_prefix(end + 1);
  }
  return send(event + '\n');
}

void Channel::end() {
  if (!is_open()) return;
  ended_ = true;
  if (wake_) wake_();
}

}  // namespace kiln::http
