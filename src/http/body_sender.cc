#include "http/body_sender.h"

#include <sys/sendfile.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

namespace kiln::http {
namespace {

// A read and one send are cheaper than two sends for files up to about this size.
constexpr std::uint64_t kGathered = 32 << 10;
// What one client gets before the next one's turn.
constexpr std::size_t kTurn = 2 << 20;

/// A socket that took less than it was given is full: asking again would only cost a call that says so. Should it not
/// be, because a signal cut in, the loop calls again at once.
BodySender::Outcome outcome_of(ssize_t sent, std::size_t given) {
  return static_cast<std::size_t>(sent) < given ? BodySender::Outcome::blocked : BodySender::Outcome::all;
}

bool would_block() { return errno == EAGAIN || errno == EWOULDBLOCK; }

}  // namespace

void BodySender::begin(std::string head, Body body) {
  gathered_ = std::move(head);
  sent_ = 0;
  body_ = std::move(body);
  piece_ = 0;
  offset_ = 0;
  no_sendfile_ = false;
}

std::uint64_t BodySender::left_of_piece() const { return size_of(body_.pieces()[piece_]) - offset_; }

void BodySender::advance(std::uint64_t size) {
  offset_ += size;
  if (left_of_piece() > 0) return;
  ++piece_;
  offset_ = 0;
  no_sendfile_ = false;
}

bool BodySender::gather_file(const Body::File& file, std::uint64_t size) {
  const std::size_t before = gathered_.size();
  gathered_.resize(before + size);
  std::uint64_t done = 0;
  while (done < size) {
    const ssize_t got = ::pread(file.file->get(), gathered_.data() + before + done, size - done,
                                static_cast<off_t>(file.offset + offset_ + done));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    done += static_cast<std::uint64_t>(got);
  }
  gathered_.resize(before + done);
  return done == size;
}

/// Takes small pieces into memory; false if a file ends early.
bool BodySender::gather() {
  while (piece_ < body_.pieces().size() && gathered_.size() - sent_ < kGathered) {
    const Body::Piece& piece = body_.pieces()[piece_];
    const std::uint64_t left = left_of_piece();
    const auto* file = std::get_if<Body::File>(&piece);
    const bool by_reading = file != nullptr && no_sendfile_;
    if (left > kGathered && !by_reading) return true;
    const std::uint64_t size = std::min(left, kGathered);
    if (file != nullptr) {
      if (!gather_file(*file, size)) return false;
    } else {
      const auto& memory = std::get<Body::Memory>(piece);
      gathered_.append(*memory.text, memory.offset + offset_, size);
    }
    advance(size);
  }
  return true;
}

BodySender::Outcome BodySender::send_gathered(int socket, std::uint64_t& handed, std::size_t most) {
  const std::size_t size = std::min(gathered_.size() - sent_, most);
  const bool more = piece_ < body_.pieces().size();
  const ssize_t sent = ::send(socket, gathered_.data() + sent_, size, MSG_NOSIGNAL | (more ? MSG_MORE : 0));
  if (sent < 0) return would_block() ? Outcome::blocked : Outcome::gone;
  handed += static_cast<std::uint64_t>(sent);
  sent_ += static_cast<std::size_t>(sent);
  if (sent_ == gathered_.size()) {
    gathered_.clear();
    sent_ = 0;
  }
  return outcome_of(sent, size);
}

BodySender::Outcome BodySender::send_piece(int socket, std::uint64_t& handed, std::size_t most) {
  const Body::Piece& piece = body_.pieces()[piece_];
  const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(left_of_piece(), most));
  ssize_t sent = 0;
  if (const auto* file = std::get_if<Body::File>(&piece)) {
    auto from = static_cast<off_t>(file->offset + offset_);
    sent = ::sendfile(socket, file->file->get(), &from, size);
    if (sent == 0) return Outcome::shrunk;
    if (sent < 0 && (errno == EINVAL || errno == ENOSYS)) {
      no_sendfile_ = true;
      return Outcome::all;
    }
  } else {
    const auto& memory = std::get<Body::Memory>(piece);
    sent = ::send(socket, memory.text->data() + memory.offset + offset_, size, MSG_NOSIGNAL);
  }
  if (sent < 0) return would_block() ? Outcome::blocked : Outcome::gone;
  handed += static_cast<std::uint64_t>(sent);
  advance(static_cast<std::uint64_t>(sent));
  return outcome_of(sent, size);
}

BodySender::Outcome BodySender::send(int socket, std::uint64_t& handed) {
  const std::uint64_t limit = handed + kTurn;
  while (!is_empty()) {
    if (handed >= limit) return Outcome::turn;
    if (!gather()) return Outcome::shrunk;
    const auto most = static_cast<std::size_t>(limit - handed);
    const Outcome outcome =
        sent_ < gathered_.size() ? send_gathered(socket, handed, most) : send_piece(socket, handed, most);
    if (outcome != Outcome::all) return outcome;
  }
  return Outcome::all;
}

}  // namespace kiln::http
