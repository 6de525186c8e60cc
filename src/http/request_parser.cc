#include "http/request_parser.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "http/syntax.h"
#include "http/target.h"

namespace kiln::http {
namespace {

constexpr std::size_t kLongestChunkLine = 256;

/// Thrown by the steps, caught in next().
struct Refused {
  int status;
  std::string message;
};

[[noreturn]] void refuse(int status, std::string message) { throw Refused{status, std::move(message)}; }

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

std::vector<std::string_view> elements_of(const Request& request, std::string_view name) {
  std::vector<std::string_view> all;
  for (const Header& header : request.headers) {
    if (!equal_ignoring_case(header.name, name)) continue;
    for (const std::string_view element : split_list(header.value)) all.push_back(element);
  }
  return all;
}

std::size_t count_of(const Request& request, std::string_view name) {
  return static_cast<std::size_t>(
      std::count_if(request.headers.begin(), request.headers.end(),
                    [name](const Header& header) { return equal_ignoring_case(header.name, name); }));
}

bool has_option(const std::vector<std::string_view>& options, std::string_view option) {
  return std::any_of(options.begin(), options.end(),
                     [option](std::string_view one) { return equal_ignoring_case(one, option); });
}

/// The characters of names, addresses and ports: what may be put into a URL, a page or a script as it is.
bool is_host(std::string_view text) {
  return text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~:[]%") ==
         std::string_view::npos;
}

}  // namespace

void RequestParser::add(std::string_view bytes) {
  if (at_ > 0) {
    buffer_.erase(0, at_);
    scanned_ -= at_;
    at_ = 0;
  }
  buffer_ += bytes;
}

RequestParser::Result RequestParser::next() {
  try {
    while (stage_ != Stage::complete && stage_ != Stage::refused) {
      if (!step()) return Incomplete{};
    }
    if (stage_ == Stage::complete) return take_request();
  } catch (Refused& refused) {
    stage_ = Stage::refused;
    refused_status_ = refused.status;
    refused_message_ = std::move(refused.message);
  }
  return Refusal{refused_status_, refused_message_, request_};
}

bool RequestParser::step() {
  std::string_view line;
  switch (stage_) {
    case Stage::request_line:
      if (!take_line(line)) return false;
      on_request_line(line);
      return true;
    case Stage::headers:
    case Stage::trailers:
      if (!take_line(line)) return false;
      if (!line.empty()) {
        on_header_line(line);
      } else if (stage_ == Stage::headers) {
        on_end_of_headers();
      } else {
        on_end_of_trailers();
      }
      return true;
    case Stage::chunk_size:
      if (!take_line(line)) return false;
      on_chunk_size(line);
      return true;
    case Stage::body:
    case Stage::chunk:
      return take_body();
    case Stage::chunk_end:
      return take_chunk_end();
    case Stage::complete:
    case Stage::refused:
      break;
  }
  return false;
}

/// A line that is here as a whole, without its end.
bool RequestParser::take_line(std::string_view& line) {
  if (stage_ == Stage::request_line && at_ < buffer_.size() && is_control(buffer_[at_]) && buffer_[at_] != '\r' &&
      buffer_[at_] != '\n') {
    refuse(400, "this is not HTTP; https: cannot be spoken here");  // TLS begins with 0x16, and has no lines
  }
  const std::size_t end = buffer_.find('\n', scanned_);
  const std::size_t length = (end == std::string::npos ? buffer_.size() : end + 1) - at_;
  if (stage_ == Stage::chunk_size) {
    if (length > kLongestChunkLine) refuse(400, "a chunk's size is longer than a line may be");
  } else {
    if (stage_ == Stage::request_line && length > limits_.request_line) {
      refuse(414, concat("the request line is longer than ", limits_.request_line, " bytes"));
    }
    if (head_bytes_ + length > limits_.head) {
      refuse(431, concat("the request's head is longer than ", limits_.head, " bytes"));
    }
  }
  if (end == std::string::npos) {
    scanned_ = buffer_.size();
    return false;
  }
  line = std::string_view{buffer_}.substr(at_, length - 1);
  if (!line.ends_with('\r')) refuse(400, "a line ends in LF without CR");
  line.remove_suffix(1);
  const auto control = std::find_if(line.begin(), line.end(), [](char c) { return is_control(c) && c != '\t'; });
  if (control != line.end()) refuse(400, "a control character in the head");
  at_ = scanned_ = end + 1;
  if (stage_ != Stage::chunk_size) head_bytes_ += length;
  return true;
}

/// "METHOD TARGET HTTP/1.1", RFC 9112, 3. Empty lines before it are skipped (2.2); the head's size limits them.
void RequestParser::on_request_line(std::string_view line) {
  if (line.empty()) return;
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) {
    refuse(400, "the request line is not METHOD TARGET HTTP/VERSION");
  }
  const std::string_view target = line.substr(first + 1, last - first - 1);
  const std::string_view version = line.substr(last + 1);
  if (target.empty() || target.find_first_of(" \t") != std::string_view::npos) {
    refuse(400, "the request line is not METHOD TARGET HTTP/VERSION");
  }
  request_.target = target;
  if (version.size() != 8 || !version.starts_with("HTTP/") || version[6] != '.' ||
      !parse_number(version.substr(5, 1)) || !parse_number(version.substr(7, 1))) {
    refuse(400, "the request line is not METHOD TARGET HTTP/VERSION");
  }
  if (version[5] != '1') refuse(505, "the version of HTTP is neither 1.0 nor 1.1");
  request_.http_1_1 = version[7] != '0';
  set_method(line.substr(0, first));
  set_target(target);
  stage_ = Stage::headers;
}

void RequestParser::set_method(std::string_view method) {
  if (method == "GET") {
    request_.method = Request::Method::get;
  } else if (method == "HEAD") {
    request_.method = Request::Method::head;
  } else if (method == "POST") {
    request_.method = Request::Method::post;
  } else if (method == "PUT" || method == "DELETE" || method == "OPTIONS" || method == "TRACE" || method == "CONNECT" ||
             method == "PATCH") {
    refuse(405, concat("the method ", method, " is not allowed here"));
  } else if (is_token(method)) {
    refuse(501, concat("there is no method ", quote(method)));
  } else {
    refuse(400, "the request line does not begin with a method");
  }
}

void RequestParser::set_target(std::string_view text) {
  auto parsed = parse_target(text);
  if (auto* problem = std::get_if<std::string>(&parsed)) refuse(400, std::move(*problem));
  auto& target = std::get<Target>(parsed);
  request_.path = std::move(target.path);
  request_.query = std::move(target.query);
  target_authority_ = std::move(target.authority);
}

/// RFC 9112, 5.1. Trailers are checked and dropped.
void RequestParser::on_header_line(std::string_view line) {
  if (++header_lines_ > limits_.headers) refuse(431, concat("there are more than ", limits_.headers, " headers"));
  if (line.front() == ' ' || line.front() == '\t') refuse(400, "a header goes on in the next line");
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) refuse(400, "a header without a colon");
  const std::string_view name = line.substr(0, colon);
  if (!is_token(name)) refuse(400, "a header's name is not a token");
  if (stage_ == Stage::headers)
    request_.headers.push_back({std::string{name}, std::string{trim(line.substr(colon + 1))}});
}

void RequestParser::on_end_of_headers() {
  check_host();
  choose_persistence();
  choose_body();
  check_expectation();
}

/// RFC 9112, 3.2: one Host, whatever the target says; that of a whole URL as target takes its place.
void RequestParser::check_host() {
  const std::size_t hosts = count_of(request_, "Host");
  if (hosts > 1) refuse(400, "more than one Host header");
  if (hosts == 0 && request_.http_1_1) refuse(400, "no Host header");
  if (!is_host(request_.header("Host").value_or("")) || !is_host(target_authority_)) {
    refuse(400, "the Host header is not a host");
  }
  if (target_authority_.empty()) return;
  for (Header& header : request_.headers) {
    if (equal_ignoring_case(header.name, "Host")) header.value = target_authority_;
  }
}

void RequestParser::choose_persistence() {
  const std::vector<std::string_view> options = elements_of(request_, "Connection");
  request_.keep_alive = !has_option(options, "close") && (request_.http_1_1 || has_option(options, "keep-alive"));
}

/// RFC 9112, 6.3: what decides where the next request begins is taken at its word or not at all.
void RequestParser::choose_body() {
  const std::size_t lengths = count_of(request_, "Content-Length");
  const std::size_t codings = count_of(request_, "Transfer-Encoding");
  if (codings > 0) {
    if (lengths > 0) refuse(400, "both Content-Length and Transfer-Encoding");
    if (!request_.http_1_1) refuse(400, "a Transfer-Encoding in HTTP/1.0");
    if (codings > 1 || !equal_ignoring_case(*request_.header("Transfer-Encoding"), "chunked")) {
      refuse(501, "a Transfer-Encoding other than chunked");
    }
    stage_ = Stage::chunk_size;
    return;
  }
  if (lengths > 1) refuse(400, "more than one Content-Length");
  if (lengths == 1) {
    const std::string_view text = *request_.header("Content-Length");
    if (text.empty() || text.find_first_not_of("0123456789") != std::string_view::npos) {
      refuse(400, "the Content-Length is not a number");
    }
    const std::optional<std::uint64_t> length = parse_number(text);
    if (!length || *length > limits_.body) refuse(413, concat("the body is longer than ", limits_.body, " bytes"));
    body_left_ = static_cast<std::size_t>(*length);
  }
  stage_ = Stage::body;
}

/// RFC 9110, 10.1.1. From an HTTP/1.0 client it is ignored.
void RequestParser::check_expectation() {
  const std::vector<std::string_view> expectations = elements_of(request_, "Expect");
  if (expectations.empty() || !request_.http_1_1) return;
  if (expectations.size() > 1 || !equal_ignoring_case(expectations.front(), "100-continue")) {
    refuse(417, "an expectation other than 100-continue");
  }
  expects_continue_ = stage_ == Stage::chunk_size || body_left_ > 0;
}

bool RequestParser::take_expectation() { return std::exchange(expects_continue_, false); }

bool RequestParser::take_body() {
  const std::size_t size = std::min(body_left_, buffer_.size() - at_);
  request_.body.append(buffer_, at_, size);
  at_ += size;
  scanned_ = at_;
  body_left_ -= size;
  if (size > 0) expects_continue_ = false;  // it did not wait
  if (body_left_ > 0) return false;
  stage_ = stage_ == Stage::body ? Stage::complete : Stage::chunk_end;
  return true;
}

/// RFC 9112, 7.1: the size in hexadecimal, and extensions, which nobody uses.
void RequestParser::on_chunk_size(std::string_view line) {
  expects_continue_ = false;
  const std::string_view digits = trim(line.substr(0, line.find(';')));
  constexpr std::size_t kMostDigits = 8;
  if (digits.empty()) refuse(400, "a chunk's size is not a hexadecimal number");
  std::size_t size = 0;
  for (const char c : digits) {
    const int digit = hex_digit(c);
    if (digit < 0) refuse(400, "a chunk's size is not a hexadecimal number");
    size = size * 16 + static_cast<std::size_t>(digit);
    if (digits.size() > kMostDigits || request_.body.size() + size > limits_.body) {
      refuse(413, concat("the body is longer than ", limits_.body, " bytes"));
    }
  }
  body_left_ = size;
  stage_ = size == 0 ? Stage::trailers : Stage::chunk;
}

bool RequestParser::take_chunk_end() {
  if (buffer_.size() - at_ < 2) return false;
  if (buffer_.compare(at_, 2, "\r\n") != 0) refuse(400, "a chunk is longer than its size says");
  at_ += 2;
  scanned_ = at_;
  stage_ = Stage::chunk_size;
  return true;
}

Request RequestParser::take_request() {
  if (at_ == buffer_.size()) {
    buffer_.clear();
    at_ = scanned_ = 0;
  }
  stage_ = Stage::request_line;
  head_bytes_ = header_lines_ = 0;
  expects_continue_ = false;
  target_authority_.clear();
  return std::exchange(request_, Request{});
}

}  // namespace kiln::http
