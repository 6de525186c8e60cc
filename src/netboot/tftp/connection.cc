#include "netboot/tftp/connection.h"

#include <netinet/udp.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "base/error.h"

namespace kiln::tftp {
namespace {

// The kernel cuts at most this many datagrams out of one call, of at most an IP packet's size together.
constexpr std::uint32_t kMostSegments = 64;
constexpr std::size_t kMostBytes = 65000;

// What is read of a file at once. Each transfer has that much memory.
constexpr std::size_t kReadAhead = 16 << 10;

constexpr std::size_t kAnswersAtOnce = 8;
constexpr std::size_t kAnswerSize = 576;

using Headers = std::array<std::array<std::byte, kDataHeader>, kMostSegments>;
using Pieces = std::array<iovec, 2 * std::size_t{kMostSegments}>;

iovec piece(Bytes bytes) { return {const_cast<std::byte*>(bytes.data()), bytes.size()}; }

bool is_would_block(int error) { return error == EAGAIN || error == EWOULDBLOCK || error == ENOBUFS; }

/// The network card or a tunnel cannot do it, or the path takes only smaller datagrams than were agreed on.
bool is_segmentation_refused(int error) {
  return error == EIO || error == EINVAL || error == EMSGSIZE || error == EOPNOTSUPP || error == ENOPROTOOPT;
}

}  // namespace

Connection::Connection(EventLoop& loop, Scratch& scratch, Observer& observer, Start start, OnEnd on_end)
    : loop_{loop},
      scratch_{scratch},
      observer_{observer},
      socket_{std::move(start.socket)},
      peer_{std::move(start.peer)},
      name_{std::move(start.name)},
      file_{std::move(start.file)},
      terms_{std::move(start.terms)},
      transfer_{terms_, file_.size(), start.patience, loop.clock().now()},
      started_{loop.clock().now()},
      on_end_{std::move(on_end)} {
  scratch_.answers.resize(kAnswersAtOnce * kAnswerSize);
  loop_.watch(socket_.get(), EventLoop::kReadable, [this](std::uint32_t ready) { on_ready(ready); });
}

Connection::~Connection() {
  loop_.cancel(timer_);
  loop_.forget(socket_.get());
}

TransferStatus Connection::status() const {
  return {peer_,
          name_,
          file_.size(),
          transfer_.acknowledged_bytes(),
          terms_.block_size,
          terms_.window_size,
          transfer_.blocks_resent(),
          now() - started_};
}

void Connection::start() {
  observer_.on_start(status());
  pump();
}

void Connection::abort(std::string_view reason) {
  const std::string packet = error_packet(ErrorCode::undefined, reason);
  // The client finds out by itself if it does not get this one.
  static_cast<void>(::send(socket_.get(), packet.data(), packet.size(), 0));
  end(Ending::failed, reason);
}

void Connection::on_ready(std::uint32_t ready) {
  if ((ready & EventLoop::kWritable) != 0 && blocked_) {
    blocked_ = false;
    loop_.change(socket_.get(), EventLoop::kReadable);
  }
  if ((ready & EventLoop::kReadable) != 0) receive();
  if (!ended_) return pump();
  const OnEnd on_end = std::move(on_end_);  // `this` may go
  on_end();
}

void Connection::receive() {
  int error = 0;
  if (take_answers(error) || error == 0) return;
  // The kernel tells an error before what has come: the last acknowledgement may be there, and the client gone since.
  int ignored = 0;
  while (!ended_ && take_answers(ignored)) continue;
  if (!ended_) on_socket_error(error);
}

/// What has arrived, in one call. With a window of one block that is one answer, for which the simpler call is quicker.
/// False if there was nothing, or an error.
bool Connection::take_answers(int& error) {
  if (terms_.window_size == 1) {
    const ssize_t size = ::recv(socket_.get(), scratch_.answers.data(), kAnswerSize, MSG_DONTWAIT);
    if (size >= 0) {
      on_datagram(Bytes{scratch_.answers}.first(static_cast<std::size_t>(size)));
      return true;
    }
  } else {
    std::array<mmsghdr, kAnswersAtOnce> messages{};
    std::array<iovec, kAnswersAtOnce> pieces{};
    for (std::size_t i = 0; i < kAnswersAtOnce; ++i) {
      pieces[i] = {scratch_.answers.data() + i * kAnswerSize, kAnswerSize};
      messages[i].msg_hdr.msg_iov = &pieces[i];
      messages[i].msg_hdr.msg_iovlen = 1;
    }
    const int got = ::recvmmsg(socket_.get(), messages.data(), messages.size(), MSG_DONTWAIT, nullptr);
    for (std::size_t i = 0; got > 0 && i < static_cast<std::size_t>(got); ++i) {
      if (!on_datagram(Bytes{scratch_.answers}.subspan(i * kAnswerSize, messages[i].msg_len))) break;
    }
    if (got >= 0) return true;
  }
  if (!is_would_block(errno) && errno != EINTR) error = errno;
  return false;
}

bool Connection::on_datagram(Bytes datagram) {
  const Answer answer = parse_answer(datagram);
  if (const auto* error = std::get_if<ErrorMessage>(&answer)) {
    on_client_error(*error);
  } else if (const auto* acknowledge = std::get_if<Acknowledge>(&answer)) {
    transfer_.on_acknowledge(acknowledge->block, now());
    if (transfer_.state() == Transfer::State::complete) end(Ending::complete, {});
  }
  return !ended_;
}

void Connection::on_client_error(const ErrorMessage& error) {
  if (terms_.size_asked && transfer_.state() == Transfer::State::options) return end(Ending::size_only, {});
  end(Ending::aborted, concat("client: error ", error.code, error.text.empty() ? "" : ": " + quote(error.text)));
}

/// The client's system says that nobody listens there: it has finished, or was reset.
void Connection::on_socket_error(int error) {
  if (error != ECONNREFUSED) return end(Ending::failed, SysError{error, "receiving"}.message());
  if (transfer_.state() == Transfer::State::options && terms_.size_asked) return end(Ending::size_only, {});
  const bool everything_sent = transfer_.first_due() > transfer_.last_block();
  end(everything_sent ? Ending::unconfirmed : Ending::silent, "the client has closed its port");
}

void Connection::on_timer() {
  timer_ = 0;
  transfer_.on_time(now());
  if (transfer_.state() == Transfer::State::unconfirmed) {
    end(Ending::unconfirmed, "the last acknowledgement did not come");
  } else if (transfer_.state() == Transfer::State::silent) {
    end(Ending::silent, "the client does not answer any more");
  }
  if (!ended_) return pump();
  const OnEnd on_end = std::move(on_end_);
  on_end();
}

/// Sends all that is due. The transfer may be over afterwards, and `this` gone.
void Connection::pump() {
  try {
    bool going = !blocked_;
    while (going && transfer_.options_due()) going = send_options();
    while (going && transfer_.blocks_due() > 0) going = send_blocks();
    arm();
    return;
  } catch (const Error& error) {
    abort(error.message());
  }
  const OnEnd on_end = std::move(on_end_);
  on_end();
}

bool Connection::send_options() {
  const std::string packet = option_acknowledge_packet(terms_.accepted);
  if (::send(socket_.get(), packet.data(), packet.size(), 0) < 0) {
    if (is_would_block(errno)) {
      blocked_ = true;
      loop_.change(socket_.get(), EventLoop::kReadable | EventLoop::kWritable);
      return false;
    }
    // Anything else is an error of an earlier datagram, or passes (no route, no neighbour yet): as if it were lost.
  }
  transfer_.options_sent(now());
  return true;
}

/// As many of those due as go into one call. False if the socket takes no more.
bool Connection::send_blocks() {
  const std::uint64_t first = transfer_.first_due();
  const auto fit = std::max<std::size_t>(1, kMostBytes / (kDataHeader + terms_.block_size));
  const auto count =
      std::min({transfer_.blocks_due(), kMostSegments, static_cast<std::uint32_t>(std::min<std::size_t>(fit, 64))});
  const std::uint32_t sent = segment_ && count > 1 ? send_segmented(first, count) : send_singly(first, count);
  if (sent > 0) transfer_.sent(sent, now());
  if (sent > 0 || !segment_) return !blocked_;
  return true;  // segmentation was refused: again, one by one
}

/// The bytes of these blocks, in one piece.
Bytes Connection::content(std::uint64_t first, std::uint32_t count) {
  const std::uint64_t begin = transfer_.offset_of(first);
  const std::uint64_t last = first + count - 1;
  const auto size = static_cast<std::size_t>(transfer_.offset_of(last) + transfer_.size_of(last) - begin);
  if (const Bytes bytes = file_.view(begin, size); bytes.size() == size) return bytes;
  if (size <= kReadAhead / 2) return read_ahead(begin, size);
  if (scratch_.file.size() < size) scratch_.file.resize(size);
  const MutableBytes into = MutableBytes{scratch_.file}.first(size);
  file_.read(begin, into);
  return into;
}

Bytes Connection::read_ahead(std::uint64_t begin, std::size_t size) {
  const bool there = begin >= ahead_at_ && begin + size <= ahead_at_ + ahead_.size();
  if (!there) {
    ahead_at_ = begin;
    ahead_.resize(static_cast<std::size_t>(std::min<std::uint64_t>(kReadAhead, file_.size() - begin)));
    file_.read(begin, ahead_);  // throws: the transfer is over then
  }
  return Bytes{ahead_}.subspan(static_cast<std::size_t>(begin - ahead_at_), size);
}

/// One call, which the kernel (or the card) cuts into datagrams. All or nothing.
std::uint32_t Connection::send_segmented(std::uint64_t first, std::uint32_t count) {
  Headers headers;
  Pieces pieces;
  Bytes rest = content(first, count);
  for (std::uint32_t i = 0; i < count; ++i) {
    headers[i] = data_header(first + i);
    const std::uint32_t size = transfer_.size_of(first + i);
    pieces[2 * i] = piece(headers[i]);
    pieces[2 * i + 1] = piece(rest.first(size));
    rest = rest.subspan(size);
  }
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(std::uint16_t))> control{};
  msghdr message{};
  message.msg_iov = pieces.data();
  message.msg_iovlen = 2 * std::size_t{count};
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_UDP;
  header->cmsg_type = UDP_SEGMENT;
  header->cmsg_len = CMSG_LEN(sizeof(std::uint16_t));
  const auto segment = static_cast<std::uint16_t>(kDataHeader + terms_.block_size);
  std::memcpy(CMSG_DATA(header), &segment, sizeof segment);

  if (::sendmsg(socket_.get(), &message, 0) >= 0) return count;
  if (is_would_block(errno)) {
    blocked_ = true;
    loop_.change(socket_.get(), EventLoop::kReadable | EventLoop::kWritable);
  } else if (is_segmentation_refused(errno)) {
    segment_ = false;
    return send_singly(first, count);
  } else {
    return count;  // as if lost, see send_options()
  }
  return 0;
}

std::uint32_t Connection::send_singly(std::uint64_t first, std::uint32_t count) {
  Headers headers;
  Pieces pieces;
  std::array<mmsghdr, kMostSegments> messages{};
  Bytes rest = content(first, count);
  for (std::uint32_t i = 0; i < count; ++i) {
    headers[i] = data_header(first + i);
    const std::uint32_t size = transfer_.size_of(first + i);
    pieces[2 * i] = piece(headers[i]);
    pieces[2 * i + 1] = piece(rest.first(size));
    rest = rest.subspan(size);
    messages[i].msg_hdr.msg_iov = &pieces[2 * i];
    messages[i].msg_hdr.msg_iovlen = 2;
  }
  const int sent = count == 1 ? (::sendmsg(socket_.get(), &messages[0].msg_hdr, 0) >= 0 ? 1 : -1)
                              : ::sendmmsg(socket_.get(), messages.data(), count, 0);
  if (sent >= 0) return static_cast<std::uint32_t>(sent);
  if (!is_would_block(errno)) return 1;  // as if lost
  blocked_ = true;
  loop_.change(socket_.get(), EventLoop::kReadable | EventLoop::kWritable);
  return 0;
}

/// The timer is set for the deadline at its time, or earlier; one that comes too early sets itself again. So it is not
/// touched for every acknowledgement.
void Connection::arm() {
  const std::chrono::nanoseconds deadline = transfer_.deadline();
  if (timer_ != 0 && timer_at_ <= deadline) return;
  loop_.cancel(timer_);
  timer_at_ = deadline;
  timer_ = loop_.at(deadline, [this] { on_timer(); });
}

void Connection::end(Ending ending, std::string_view reason) {
  if (ended_) return;
  ended_ = true;
  loop_.cancel(timer_);
  timer_ = 0;
  observer_.on_end(status(), ending, reason);
}

}  // namespace kiln::tftp
