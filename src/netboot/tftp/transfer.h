#pragma once

#include <chrono>
#include <cstdint>

#include "netboot/tftp/negotiation.h"

namespace kiln::tftp {

// Internal to this folder.

/// One file on its way to one client: which blocks are to be sent when. Knows neither bytes nor sockets.
///
/// Blocks are numbered from 1 without end; on the wire the number is cut to 16 bits, and since no window is as long as
/// half of that, an acknowledgement can belong to one block only.
///
/// An acknowledgement for a block inside of the window says that the next one was lost (RFC 7440, section 4): sending
/// goes on behind it. One for the block before the window may say so too (its first block was lost). But both may as
/// well be echoes of blocks that came twice, and to answer each by sending again would double every block from then on
/// (the "Sorcerer's Apprentice", RFC 1123, 4.2.3.1). With a window of one block, such an echo is ignored, always. With
/// a larger one, the first kind is believed once in half a round trip; the second only if it came no sooner than an
/// answer to the window can, once, and not when something was sent again in the window before: an echo cannot call up
/// the next.
class Transfer {
 public:
  using Time = std::chrono::nanoseconds;

  Transfer(const Terms& terms, std::uint64_t size, std::chrono::seconds patience, Time now);

  enum class State {
    options,  ///< our option acknowledgement waits for the client's
    data,
    complete,     ///< the client has everything
    unconfirmed,  ///< everything was sent, but the last acknowledgement is missing
    silent        ///< the client does not answer any more
  };
  State state() const { return state_; }
  bool ended() const { return state_ >= State::complete; }

  /// What is to be sent now. Whoever sends it says so by sent…(), and comes back for more.
  bool options_due() const { return options_due_; }
  std::uint64_t first_due() const { return next_; }
  std::uint32_t blocks_due() const;

  void options_sent(Time now);
  void sent(std::uint32_t blocks, Time now);

  void on_acknowledge(std::uint16_t block, Time now);
  /// To be called at deadline() or later.
  void on_time(Time now);
  Time deadline() const { return deadline_; }

  std::uint64_t offset_of(std::uint64_t block) const { return (block - 1) * block_size_; }
  std::uint32_t size_of(std::uint64_t block) const;  ///< that of the last block is less than the others', maybe 0
  std::uint64_t last_block() const { return last_; }
  std::uint64_t acknowledged_bytes() const;
  std::uint64_t blocks_resent() const { return resent_; }

 private:
  void on_repeated_acknowledge(Time now);
  void send_again_from(std::uint64_t block);
  void measure(Time now);
  void progress(Time now);
  Time retransmission_time() const;

  const std::uint64_t size_;
  const std::uint32_t block_size_;
  const std::uint32_t window_;
  const std::uint64_t last_;  // the number of the last block
  const Time fixed_timeout_;  // as negotiated; 0: by measured round trips
  const Time patience_;

  // Before what the constructor computes from them.
  Time round_trip_{};  // smoothed as in RFC 6298; 0: none was measured yet
  Time variation_{};
  std::uint32_t backoff_ = 0;  // how often the time to wait is doubled

  State state_;
  bool options_due_;
  std::uint64_t acknowledged_ = 0;  // every block up to this one
  std::uint64_t next_ = 1;          // to be sent next
  std::uint64_t highest_ = 0;       // that was ever sent

  Time sent_at_;
  Time progress_at_;
  Time deadline_;
  bool resent_in_window_ = false;         // something was sent again since the last acknowledgement of something new
  bool resent_in_window_before_ = false;  // … before that one
  Time went_back_at_;                     // when a gap was believed in last
  std::uint32_t unheard_ = 0;             // how often it passed since the client was last heard

  std::uint64_t resent_ = 0;
};

}  // namespace kiln::tftp
