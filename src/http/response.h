#pragma once

#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/body.h"
#include "http/channel.h"
#include "http/request.h"

namespace kiln::http {

/// What a handler answers. It always answers GET with the whole: the server adds Date, Content-Length, Connection and,
/// if there is an ETag or a modification time, answers conditional and range requests (304, 206, 412, 416) from it; for
/// HEAD it leaves the body away.
struct Response {
  int status = 200;
  std::vector<Header> headers;  ///< Content-Type and what else the answer needs; no names the server adds
  Body body;
  std::string etag;                          ///< strong, with its quotes: "\"abc\""; empty: none
  std::optional<std::time_t> last_modified;  ///< seconds since 1970
  std::shared_ptr<Channel> channel;          ///< the body is what is sent through it; `body` is not used then
  bool close = false;                        ///< no further request on this connection

  static Response text(int status, std::string text, std::string content_type = "text/plain; charset=utf-8");
  static Response redirect(int status, std::string location);
  /// An error in one line of text, for people: "404 Not Found: MESSAGE".
  static Response error(int status, std::string_view message);

  Response& add(std::string name, std::string value);
};

std::string_view reason_phrase(int status);  ///< "Not Found"; "" for numbers we do not send

}  // namespace kiln::http
