#include "netboot/tftp/transfer.h"

#include <algorithm>

namespace kiln::tftp {
namespace {

using namespace std::chrono_literals;

// Retransmission times as TCP has them. Firmware repeats itself after one second or more; being faster than that is
// what keeps a lossy network usable with windows of one block.
constexpr std::chrono::nanoseconds kFirstTimeout = 1s;
constexpr std::chrono::nanoseconds kLeastTimeout = 200ms;
constexpr std::chrono::nanoseconds kLongestTimeout = 5s;
constexpr std::uint32_t kMostDoublings = 10;

// A client that has everything may be gone before we know.
constexpr std::uint32_t kLastBlockTimeouts = 5;
// A client that asked for a long timeout gets as many tries as others.
constexpr int kLeastTries = 6;

}  // namespace

Transfer::Transfer(const Terms& terms, std::uint64_t size, std::chrono::seconds patience, Time now)
    : size_{size},
      block_size_{terms.block_size},
      window_{terms.window_size},
      last_{size / terms.block_size + 1},
      fixed_timeout_{terms.timeout.value_or(0s)},
      patience_{std::max<Time>(patience, kLeastTries * fixed_timeout_)},
      state_{terms.accepted.empty() ? State::data : State::options},
      options_due_{!terms.accepted.empty()},
      sent_at_{now},
      progress_at_{now},
      deadline_{now + retransmission_time()},
      went_back_at_{now} {}

std::uint32_t Transfer::size_of(std::uint64_t block) const {
  return block < last_ ? block_size_ : static_cast<std::uint32_t>(size_ - offset_of(last_));
}

std::uint64_t Transfer::acknowledged_bytes() const {
  return acknowledged_ >= last_ ? size_ : acknowledged_ * block_size_;
}

std::uint32_t Transfer::blocks_due() const {
  if (state_ != State::data) return 0;
  const std::uint64_t end = std::min(acknowledged_ + window_, last_);
  return next_ > end ? 0 : static_cast<std::uint32_t>(end - next_ + 1);
}

void Transfer::options_sent(Time now) {
  options_due_ = false;
  sent_at_ = now;
  deadline_ = now + retransmission_time();
}

void Transfer::sent(std::uint32_t blocks, Time now) {
  const std::uint64_t end = next_ + blocks;
  if (next_ <= highest_) resent_ += std::min(end, highest_ + 1) - next_;
  next_ = end;
  highest_ = std::max(highest_, end - 1);
  sent_at_ = now;
  deadline_ = now + retransmission_time();
}

void Transfer::on_acknowledge(std::uint16_t block, Time now) {
  if (state_ == State::options) {
    if (block != 0) return;
    measure(now);
    state_ = State::data;
    options_due_ = false;
    progress(now);
    return;
  }
  if (state_ != State::data) return;
  const std::uint64_t number = acknowledged_ + static_cast<std::uint16_t>(block - acknowledged_);
  if (number > highest_) return;  // one from before, or never sent
  unheard_ = 0;
  if (number == acknowledged_) return on_repeated_acknowledge(now);
  if (number == next_ - 1) measure(now);
  acknowledged_ = number;
  progress(now);
  if (acknowledged_ == last_) {
    state_ = State::complete;
  } else if (next_ <= acknowledged_) {  // of a copy that was sent before we went back
    next_ = acknowledged_ + 1;
  } else if (next_ != acknowledged_ + 1 && now - went_back_at_ >= round_trip_ / 2) {
    went_back_at_ = now;
    send_again_from(acknowledged_ + 1);
  }
}

/// Of the block before the window.
void Transfer::on_repeated_acknowledge(Time now) {
  const bool nothing_sent = next_ == acknowledged_ + 1;
  const bool too_soon = round_trip_ == 0ns || now - sent_at_ < round_trip_;
  if (window_ == 1 || nothing_sent || too_soon || resent_in_window_ || resent_in_window_before_) return;
  went_back_at_ = now;
  send_again_from(acknowledged_ + 1);
}

void Transfer::on_time(Time now) {
  if (ended() || now < deadline_) return;
  backoff_ = std::min(backoff_ + 1, kMostDoublings);
  ++unheard_;
  const bool everything_sent = highest_ == last_;
  if (everything_sent && unheard_ > kLastBlockTimeouts) {
    state_ = State::unconfirmed;
  } else if (now - progress_at_ >= patience_) {
    state_ = everything_sent ? State::unconfirmed : State::silent;
  } else {
    deadline_ = now + retransmission_time();  // even if it cannot be sent now
    if (state_ == State::options) {
      options_due_ = true;
      resent_in_window_ = true;
    } else {
      send_again_from(acknowledged_ + 1);
    }
  }
}

void Transfer::send_again_from(std::uint64_t block) {
  next_ = block;
  if (block <= highest_) resent_in_window_ = true;
}

/// An answer to what was sent once only: else it could be one to an earlier copy (Karn's rule).
void Transfer::measure(Time now) {
  if (resent_in_window_) return;
  backoff_ = 0;
  const Time sample = std::max<Time>(now - sent_at_, 1ns);
  if (round_trip_ == 0ns) {
    round_trip_ = sample;
    variation_ = sample / 2;
    return;
  }
  variation_ = (3 * variation_ + std::chrono::abs(round_trip_ - sample)) / 4;
  round_trip_ = (7 * round_trip_ + sample) / 8;
}

void Transfer::progress(Time now) {
  progress_at_ = now;
  // One less rather than none: if the network is slower than we wait, nothing can be measured until we wait longer; and
  // if it loses much, we must not end up waiting for seconds.
  if (backoff_ > 0) --backoff_;
  resent_in_window_before_ = resent_in_window_;
  resent_in_window_ = false;
  deadline_ = now + retransmission_time();
}

Transfer::Time Transfer::retransmission_time() const {
  if (fixed_timeout_ > 0ns) return fixed_timeout_;
  const Time measured = round_trip_ == 0ns ? kFirstTimeout : std::max(round_trip_ + 4 * variation_, kLeastTimeout);
  const Time backed_off = measured * (1 << backoff_);
  return std::min(backed_off, kLongestTimeout);
}

}  // namespace kiln::tftp
