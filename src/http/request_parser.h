#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "http/limits.h"
#include "http/request.h"

namespace kiln::http {

/// A request that will not be answered otherwise, and after which nothing on the connection can be understood.
struct Refusal {
  int status;
  std::string message;
  Request request;  ///< what could be read of it
  bool operator==(const Refusal&) const = default;
};

/// Cuts the bytes of a connection into requests (RFC 9112), whatever pieces they come in. It is strict where laxness
/// lets two readers see different requests in the same bytes: lines end in CRLF, a body's length is told once and in
/// one way, no line goes on in the next, no space stands before a colon.
class RequestParser {
 public:
  struct Incomplete {
    bool operator==(const Incomplete&) const = default;
  };
  using Result = std::variant<Incomplete, Request, Refusal>;

  /// `limits` must outlive it.
  explicit RequestParser(const Limits& limits) : limits_{limits} {}

  void add(std::string_view bytes);
  /// The next request there is. After a Refusal it says the same for ever.
  Result next();

  /// Whether part of a request is here.
  bool has_begun() const { return at_ < buffer_.size() || stage_ != Stage::request_line; }
  std::size_t buffered() const { return buffer_.size() - at_; }
  /// After Incomplete: whether the client waits for "100 Continue" before it sends the body. Says so once for a
  /// request.
  bool take_expectation();

 private:
  enum class Stage { request_line, headers, body, chunk_size, chunk, chunk_end, trailers, complete, refused };

  bool step();  // whether there was enough to go on
  bool take_line(std::string_view& line);
  bool take_body();
  bool take_chunk_end();

  void on_request_line(std::string_view line);
  void on_header_line(std::string_view line);
  void on_chunk_size(std::string_view line);
  void on_end_of_headers();
  void on_end_of_trailers() { stage_ = Stage::complete; }
  void set_method(std::string_view method);
  void set_target(std::string_view text);
  void check_host();
  void check_expectation();
  void choose_body();
  void choose_persistence();
  Request take_request();

  const Limits& limits_;
  std::string buffer_;
  std::size_t at_ = 0;       // where the unread part of the buffer begins
  std::size_t scanned_ = 0;  // up to here there is no end of a line
  Stage stage_ = Stage::request_line;
  Request request_;
  std::string target_authority_;
  std::size_t head_bytes_ = 0;  // of the lines taken so far
  std::size_t header_lines_ = 0;
  std::size_t body_left_ = 0;  // of the body, or of a chunk
  bool expects_continue_ = false;
  int refused_status_ = 0;
  std::string refused_message_;
};

}  // namespace kiln::http
