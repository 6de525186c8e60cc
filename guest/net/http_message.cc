#include "net/http_message.h"

#include <strings.h>

#include <algorithm>

#include "base/text.h"

namespace guest {
namespace {

bool same_word(std::string_view a, std::string_view b) {
  return a.size() == b.size() && ::strncasecmp(a.data(), b.data(), a.size()) == 0;
}

/// The last coding of a Transfer-Encoding.
bool ends_in_chunked(std::string_view value) {
  std::size_t comma = value.find_last_of(',');
  return same_word(trim(comma == std::string_view::npos ? value : value.substr(comma + 1)), "chunked");
}

}  // namespace

std::string wire_text(const HttpRequest& request) {
  std::string text = format("%s %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: kiln-guest\r\nConnection: close\r\n",
                            request.method, request.url.path.c_str(), request.url.authority().c_str());
  for (const std::string& header : request.headers) text += header + "\r\n";
  if (!request.body.empty()) text += format("Content-Length: %zu\r\n", request.body.size());
  return text + "\r\n" + request.body;
}

void HttpResponseReader::fail(std::string problem) {
  problem_ = std::move(problem);
  state_ = State::done;
}

bool HttpResponseReader::feed(std::string_view bytes) {
  while (!bytes.empty() && state_ != State::done) take(bytes);
  return state_ != State::done;
}

void HttpResponseReader::end() {
  if (state_ == State::done) return;
  if (state_ == State::until_end) return fail({});
  if (state_ != State::status || !line_.empty()) fail("the connection ended in the middle of the response");
}

void HttpResponseReader::take(std::string_view& bytes) {
  if (state_ == State::length || state_ == State::chunk || state_ == State::until_end) return take_body(bytes);
  std::size_t end = bytes.find('\n');
  line_ += bytes.substr(0, end);
  bytes.remove_prefix(end == std::string_view::npos ? bytes.size() : end + 1);
  if (line_.size() > kMaxLine) return fail("a line of the response is longer than 8192 bytes");
  if (end == std::string_view::npos) return;
  if (!line_.empty() && line_.back() == '\r') line_.pop_back();
  std::string line = std::move(line_);
  line_.clear();
  on_line(line);
}

void HttpResponseReader::take_body(std::string_view& bytes) {
  std::size_t size = bytes.size();
  if (state_ != State::until_end) size = static_cast<std::size_t>(std::min<std::uint64_t>(size, left_));
  if (response_.body.size() + size > max_body_)
    return fail(format("the response has more than the %zu bytes allowed", max_body_));
  response_.body += bytes.substr(0, size);
  bytes.remove_prefix(size);
  if (state_ == State::until_end) return;
  left_ -= size;
  if (left_ > 0) return;
  if (state_ == State::length) return fail({});
  state_ = State::chunk_end;
}

void HttpResponseReader::on_line(std::string_view line) {
  switch (state_) {
    case State::status:
      return on_status(line);
    case State::header:
      return line.empty() ? on_headers_end() : on_header(line);
    case State::chunk_size:
      return on_chunk_size(line);
    case State::chunk_end:
      if (!line.empty()) return fail("expected the end of a line after a chunk");
      state_ = State::chunk_size;
      return;
    case State::trailer:
      if (line.empty()) return fail({});
      if (++lines_ > kMaxLines) fail("the response has more than 200 header lines");
      return;
    default:
      return;
  }
}

void HttpResponseReader::on_status(std::string_view line) {
  bool good = line.size() >= 12 && line.substr(0, 7) == "HTTP/1." && line[8] == ' ';
  auto status = good ? parse_decimal(line.substr(9, 3)) : std::nullopt;
  if (!status || *status < 100 || (line.size() > 12 && line[12] != ' '))
    return fail(format("expected an HTTP/1 status line, got '%s'", printable(line.substr(0, 80)).c_str()));
  response_.status = static_cast<int>(*status);
  state_ = State::header;
}

void HttpResponseReader::on_header(std::string_view line) {
  if (++lines_ > kMaxLines) return fail("the response has more than 200 header lines");
  std::size_t colon = line.find(':');
  if (colon == std::string_view::npos || colon == 0)
    return fail(format("expected NAME: VALUE, got '%s'", printable(line.substr(0, 80)).c_str()));
  std::string_view name = line.substr(0, colon);
  std::string_view value = trim(line.substr(colon + 1));
  if (same_word(name, "transfer-encoding")) {
    if (!ends_in_chunked(value))
      return fail(format("cannot read the transfer encoding '%s'", printable(value.substr(0, 80)).c_str()));
    chunked_ = true;
  } else if (same_word(name, "content-length")) {
    auto length = parse_decimal(value);
    if (!length || (has_length_ && *length != left_))
      return fail(format("expected one length, got '%s'", printable(value.substr(0, 80)).c_str()));
    has_length_ = true;
    left_ = *length;
  }
}

void HttpResponseReader::on_headers_end() {
  if (response_.status < 200) {  // RFC 9110 §15.2: interim, the response itself follows
    state_ = State::status;
    chunked_ = has_length_ = false;
    left_ = 0;
    return;
  }
  if (response_.status == 204 || response_.status == 304) return fail({});
  if (chunked_) {
    state_ = State::chunk_size;  // it overrides a length (RFC 9112 §6.3)
  } else if (!has_length_) {
    state_ = State::until_end;
  } else if (left_ == 0) {
    fail({});
  } else if (left_ > max_body_) {
    fail(format("the response has %llu bytes, allowed are %zu", static_cast<unsigned long long>(left_), max_body_));
  } else {
    state_ = State::length;
  }
}

void HttpResponseReader::on_chunk_size(std::string_view line) {
  std::string_view digits = trim(line.substr(0, line.find(';')));
  std::uint64_t size = 0;
  bool good = !digits.empty() && digits.size() <= 15;
  for (char c : digits) {
    int digit = c >= '0' && c <= '9'   ? c - '0'
                : c >= 'a' && c <= 'f' ? c - 'a' + 10
                : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                       : -1;
    if (digit < 0) good = false;
    size = size << 4 | static_cast<std::uint64_t>(digit & 15);
  }
  if (!good) return fail(format("expected the size of a chunk, got '%s'", printable(line.substr(0, 80)).c_str()));
  left_ = size;
  state_ = size == 0 ? State::trailer : State::chunk;
}

}  // namespace guest
