#include "http/connection.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "base/error.h"
#include "base/event_loop.h"

namespace kiln::http {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kReadAtOnce = 16 << 10;
constexpr int kRequestsAtOnce = 32;  // of one client that pipelines, before the next one's turn
// Up to this size a body counts as delivered when the kernel has it: asking for each would cost a system call.
constexpr std::uint64_t kDeliveredAtOnce = 64 << 10;

// iPXE starts a kernel without acknowledging its last packets, and the machine is then deaf to what we send again. So a
// short rest that stays unacknowledged for a while counts as delivered: a machine that failed just there is no
// difference anyone could tell.
constexpr std::uint64_t kLastPackets = 64 << 10;
constexpr auto kLastWord = 3s;

constexpr std::string_view kClosed = "client closed the connection";

char* read_buffer() {
  thread_local char buffer[kReadAtOnce];
  return buffer;
}

ssize_t receive(int socket) { return ::recv(socket, read_buffer(), kReadAtOnce, 0); }

bool is_blocked(ssize_t got) { return got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR); }

std::string chunk_of(std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string size;
  for (std::size_t rest = text.size(); rest > 0; rest /= 16) size.insert(size.begin(), kHex[rest % 16]);
  return concat(size, "\r\n", text, "\r\n");
}

}  // namespace

Connection::Connection(UniqueFd socket, Endpoint peer, Endpoint local, Service& service)
    : service_{service},
      socket_{std::move(socket)},
      peer_{std::move(peer)},
      local_{std::move(local)},
      parser_{service.limits},
      interest_{EventLoop::kReadable},
      since_{service.loop.clock().now()} {}

Connection::~Connection() { close("server stopped"); }

std::chrono::nanoseconds Connection::now() const { return service_.loop.clock().now(); }

std::optional<std::chrono::nanoseconds> Connection::waiting_since() const {
  if (phase_ != Phase::reading || current_.unreported || has_more_requests_) return std::nullopt;
  return since_;
}

// Events.

void Connection::on_ready() {
  switch (phase_) {
    case Phase::reading:
      if (!has_more_requests_) read_requests();
      break;
    case Phase::sending:
      send_more();
      break;
    case Phase::streaming:
      stream_more();
      break;
    case Phase::lingering:
      discard_input();
      break;
  }
  answer_requests();
  update_interest();
}

void Connection::on_tick() {
  switch (phase_) {
    case Phase::reading:
      tick_reading(now());
      break;
    case Phase::sending:
    case Phase::streaming:
      tick_sending(now());
      break;
    case Phase::lingering:
      tick_lingering(now());
      break;
  }
  update_interest();
}

void Connection::turn_away(int status, std::string message) {
  refuse({status, std::move(message), {}});
  update_interest();
}

void Connection::drain() {
  if (phase_ == Phase::reading && !current_.unreported) close("");
  if (phase_ == Phase::streaming) close("server stopped");
}

std::uint32_t Connection::wanted() const {
  switch (phase_) {
    case Phase::reading:
      // A socket is nearly always writable: so one is called again in the next round.
      return has_more_requests_ ? EventLoop::kWritable : EventLoop::kReadable;
    case Phase::sending:
      return EventLoop::kWritable;
    case Phase::streaming: {
      const bool has_more = !sender_.is_empty() || !channel_->pending_.empty() || !channel_->is_open();
      return EventLoop::kReadable | (has_more ? std::uint32_t{EventLoop::kWritable} : 0);
    }
    case Phase::lingering:
      break;
  }
  return EventLoop::kReadable;
}

void Connection::update_interest() {
  if (is_closed() || input_ended_) return;
  const std::uint32_t now_wanted = wanted();
  if (now_wanted == interest_) return;
  interest_ = now_wanted;
  service_.loop.change(socket_.get(), interest_);
}

// Requests.

void Connection::read_requests() {
  const ssize_t got = receive(socket_.get());
  if (is_blocked(got)) return;
  if (got < 0) return close(kClosed);
  if (got == 0) return on_end_of_input();
  if (!parser_.has_begun()) since_ = now();
  parser_.add({read_buffer(), static_cast<std::size_t>(got)});
  has_more_requests_ = true;
}

void Connection::on_end_of_input() {
  report_if_acknowledged();
  if (!current_.unreported) return close(kClosed);
  begin_linger();  // it may have closed its side only, and still be taking the last answer
}

void Connection::answer_requests() {
  if (phase_ != Phase::reading || !has_more_requests_) return;
  for (int i = 0; i < kRequestsAtOnce && phase_ == Phase::reading && !is_closed(); ++i) {
    RequestParser::Result next = parser_.next();
    if (auto* request = std::get_if<Request>(&next)) {
      answer(std::move(*request));
    } else if (auto* refusal = std::get_if<Refusal>(&next)) {
      refuse(std::move(*refusal));
    } else {
      has_more_requests_ = false;
      constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
      // If the socket is too full for that the client sends its body after a while, as RFC 9110 has it.
      if (parser_.take_expectation()) ::send(socket_.get(), kContinue.data(), kContinue.size(), MSG_NOSIGNAL);
      return;
    }
  }
}

Response Connection::call_handler(const Request& request) {
  try {
    return service_.handler(request);
  } catch (const std::exception& error) {
    service_.observer.on_trouble(concat("answering ", method_name(request.method), " ", quote(request.target), " from ",
                                        request.peer.host, ": ", error.what()));
  }
  return Response::error(500, "the server's log says why");
}

void Connection::answer(Request request) {
  // A client that asks for more has got what it asked for before. Observers hear of that before the handler does of
  // this.
  if (current_.unreported) report("");
  request.peer = peer_;
  request.local = local_;
  Response response = call_handler(request);
  response.close = response.close || service_.draining;
  Answer answer;
  try {
    answer = make_answer(request, std::move(response), service_.wall_clock());
  } catch (const Error& error) {
    service_.observer.on_trouble(concat("answering ", quote(request.target), ": ", error.message()));
    answer = make_answer(request, Response::error(500, "the server's log says why"), service_.wall_clock());
  }
  begin(std::move(request), std::move(answer));
}

void Connection::refuse(Refusal refusal) {
  refusal.request.peer = peer_;
  refusal.request.local = local_;
  Response response = Response::error(refusal.status, refusal.message);
  if (refusal.status == 405) response.add("Allow", "GET, HEAD, POST");
  if (refusal.status == 503) response.add("Retry-After", "1");
  response.close = true;
  Answer answer = make_answer(refusal.request, std::move(response), service_.wall_clock());
  begin(std::move(refusal.request), std::move(answer));
}

// Answers.

void Connection::begin(Request request, Answer answer) {
  if (current_.unreported) report("");
  served_ = true;
  current_ = {
      std::move(request), answer.status, answer.body.size(), answer.offset, answer.whole, answer.head.size(), 0, now(),
      answer.keep_alive,  true};
  acknowledged_before_ = 0;
  paced_since_ = current_.since;
  phase_ = Phase::sending;
  sender_.begin(std::move(answer.head), std::move(answer.body));
  if (answer.channel) {
    attach(std::move(answer.channel), answer.chunked);
    stream_more();
  } else {
    send_more();
  }
}

void Connection::attach(std::shared_ptr<Channel> channel, bool chunked) {
  phase_ = Phase::streaming;
  channel_ = std::move(channel);
  chunked_ = chunked;
  // Only notes that there is something: the loop calls back, not the one who sends.
  channel_->wake_ = [this] { update_interest(); };
}

void Connection::send_more() {
  switch (sender_.send(socket_.get(), current_.handed)) {
    case BodySender::Outcome::all:
      return on_handed_over();
    case BodySender::Outcome::blocked:
    case BodySender::Outcome::turn:
      return;
    case BodySender::Outcome::gone:
      return close(kClosed);
    case BodySender::Outcome::shrunk:
      return close("a file became shorter while it was sent");
  }
}

void Connection::stream_more() {
  if (const ssize_t got = receive(socket_.get()); !is_blocked(got)) {
    if (got <= 0) return close(kClosed);
    if (parser_.buffered() > kReadAtOnce) return close("client sent requests while it was being answered");
    parser_.add({read_buffer(), static_cast<std::size_t>(got)});
    has_more_requests_ = true;
  }
  if (channel_->closed_) return close("client was too far behind");
  if (!channel_->pending_.empty() && sender_.is_empty()) {
    sender_.append(chunked_ ? chunk_of(channel_->pending_) : channel_->pending_);
    channel_->pending_.clear();
  }
  if (channel_->ended_ && channel_->pending_.empty()) {
    if (chunked_) sender_.append("0\r\n\r\n");
    end_channel();
    phase_ = Phase::sending;
    return send_more();
  }
  switch (sender_.send(socket_.get(), current_.handed)) {
    case BodySender::Outcome::gone:
    case BodySender::Outcome::shrunk:
      return close(kClosed);
    default:
      return;
  }
}

void Connection::end_channel() {
  if (!channel_) return;
  channel_->wake_ = nullptr;
  channel_->closed_ = true;
  channel_.reset();
}

/// The kernel has all of it. Whether the client has it shows later, for large ones.
void Connection::on_handed_over() {
  if (current_.size <= kDeliveredAtOnce || unacknowledged() == 0) report("");
  sender_.begin({}, {});  // its memory is not kept while the connection is idle
  since_ = handed_over_ = now();
  if (current_.keep_alive && !service_.draining) {
    phase_ = Phase::reading;
    has_more_requests_ = has_more_requests_ || parser_.has_begun();
  } else {
    begin_linger();
  }
}

/// RFC 9112, 9.6: closing a socket with unread input resets the connection, and may destroy what the client has not
/// read.
void Connection::begin_linger() {
  phase_ = Phase::lingering;
  since_ = now();
  ::shutdown(socket_.get(), SHUT_WR);
}

void Connection::discard_input() {
  const ssize_t got = receive(socket_.get());
  if (is_blocked(got) || got > 0) return;
  if (got < 0) return close(kClosed);
  report_if_acknowledged();
  if (!current_.unreported) return close("");
  // Nothing more comes, and both sides being closed the loop would call without end: on_tick() sees when all is taken.
  input_ended_ = true;
  service_.loop.forget(socket_.get());
}

void Connection::close(std::string_view cut) {
  if (is_closed()) return;
  report_if_acknowledged();
  if (current_.unreported) report(cut.empty() ? kClosed : cut);
  end_channel();
  service_.loop.forget(socket_.get());
  socket_.reset();
}

// Time.

void Connection::tick_reading(std::chrono::nanoseconds now) {
  if (current_.unreported) {
    report_if_acknowledged();
    if (current_.unreported) return tick_sending(now);
    since_ = now;
  }
  if (has_more_requests_) return;
  const Limits& limits = service_.limits;
  if (parser_.has_begun()) {
    if (now - since_ >= limits.head_time) {
      refuse({408, concat("the request did not arrive within ", limits.head_time.count(), " seconds"), {}});
    }
  } else if (now - since_ >= (served_ ? limits.idle : limits.head_time)) {
    close("");
  }
}

void Connection::tick_sending(std::chrono::nanoseconds now) {
  if (channel_ && channel_->closed_) return close("client was too far behind");
  if (is_stalled(now)) {
    return close(concat("client took less than ", service_.limits.slowest, " bytes a second for ",
                        service_.limits.patience.count(), " seconds"));
  }
  if (now - current_.since >= 1s) service_.observer.on_progress(transfer(acknowledged()));
}

void Connection::tick_lingering(std::chrono::nanoseconds now) {
  report_if_acknowledged();
  if (current_.unreported) {
    since_ = now;
    return tick_sending(now);
  }
  if (input_ended_ || now - since_ >= service_.limits.linger) close("");
}

/// The socket's buffer takes megabytes at once and may then be full for minutes: what counts is what the client's side
/// has acknowledged.
bool Connection::is_stalled(std::chrono::nanoseconds now) {
  const std::uint64_t acknowledged_now = acknowledged();
  const auto patience = static_cast<std::uint64_t>(service_.limits.patience.count());
  const bool on_pace = acknowledged_now >= acknowledged_before_ + service_.limits.slowest * patience;
  if (on_pace || unacknowledged() == 0) {  // then it is we who are slow
    acknowledged_before_ = acknowledged_now;
    paced_since_ = now;
    return false;
  }
  return now - paced_since_ >= service_.limits.patience;
}

// What observers see.

std::uint64_t Connection::unacknowledged() const {
  int bytes = 0;
  return ::ioctl(socket_.get(), SIOCOUTQ, &bytes) == 0 && bytes > 0 ? static_cast<std::uint64_t>(bytes) : 0;
}

std::uint64_t Connection::acknowledged() const { return current_.handed - std::min(unacknowledged(), current_.handed); }

Transfer Connection::transfer(std::uint64_t sent) const {
  const std::uint64_t body = sent - std::min(sent, current_.head_size);
  return {current_.request, current_.status,       body, current_.size, current_.offset,
          current_.whole,   now() - current_.since};
}

void Connection::report(std::string_view cut) {
  current_.unreported = false;
  service_.observer.on_response(transfer(cut.empty() ? current_.handed : acknowledged()), cut);
  current_.request = {};
}

/// An answer that the kernel has as a whole, once the client has it.
void Connection::report_if_acknowledged() {
  const bool handed_over = phase_ == Phase::reading || phase_ == Phase::lingering;
  if (!handed_over || !current_.unreported) return;
  const std::uint64_t rest = unacknowledged();
  if (rest == 0 || (rest <= kLastPackets && now() - handed_over_ >= kLastWord)) report("");
}

}  // namespace kiln::http
