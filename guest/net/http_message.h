#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "net/url.h"

namespace guest {

struct HttpRequest {
  const char* method = "GET";
  Url url;
  std::vector<std::string> headers;  ///< "Metadata-Flavor: Google"
  std::string body;                  ///< with its Content-Type among the headers
};

/// The request as it goes over the wire. The connection carries this one only.
std::string wire_text(const HttpRequest& request);

struct HttpResponse {
  int status = 0;
  std::string body;
};

/// Reads one HTTP/1 response (RFC 9112) from the pieces it arrives in. The body may be delimited by Content-Length, by
/// chunks or by the end of the connection; everything is bounded.
class HttpResponseReader {
 public:
  explicit HttpResponseReader(std::size_t max_body) : max_body_(max_body) {}

  /// Takes the next bytes. False once nothing more is wanted: the response is whole, or wrong.
  bool feed(std::string_view bytes);
  /// The connection has ended.
  void end();
  /// Empty if the response is whole, or what is wrong with it.
  const std::string& problem() const { return problem_; }
  const HttpResponse& response() const { return response_; }

 private:
  enum class State { status, header, length, chunk_size, chunk, chunk_end, trailer, until_end, done };
  static constexpr std::size_t kMaxLine = 8192;
  static constexpr int kMaxLines = 200;  ///< of headers and trailers

  void take(std::string_view& bytes);
  void take_body(std::string_view& bytes);
  void on_line(std::string_view line);
  void on_status(std::string_view line);
  void on_header(std::string_view line);
  void on_headers_end();
  void on_chunk_size(std::string_view line);
  void fail(std::string problem);

  std::size_t max_body_;
  State state_ = State::status;
  std::string line_;
  int lines_ = 0;
  bool chunked_ = false;
  bool has_length_ = false;
  std::uint64_t left_ = 0;  ///< of the body, or of the present chunk
  std::string problem_ = "the connection ended before a response";
  HttpResponse response_;
};

}  // namespace guest
