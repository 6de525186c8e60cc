#include "http/answer.h"

#include <algorithm>

#include "base/error.h"
#include "http/http_date.h"
#include "http/range.h"
#include "http/syntax.h"

namespace kiln::http {
namespace {

bool is_read(const Request& request) {
  return request.method == Request::Method::get || request.method == Request::Method::head;
}

/// Whether a list of If-Match or If-None-Match has the tag, weakly compared (RFC 9110, 8.8.3.2) or strongly.
bool has_tag(std::string_view list, std::string_view etag, bool weakly) {
  for (std::string_view one : split_list(list)) {
    if (one == "*") return true;
    if (one.starts_with("W/")) {
      if (!weakly) continue;
      one.remove_prefix(2);
    }
    if (one == etag) return true;
  }
  return false;
}

/// 200 if the request is to be carried out, otherwise the status that answers it.
int evaluate_preconditions(const Request& request, const Response& response) {
  const auto date_in = [&request](std::string_view name) -> std::optional<std::time_t> {
    const auto header = request.header(name);
    return header ? parse_date(*header) : std::nullopt;
  };
  if (const auto tags = request.header("If-Match")) {
    if (!has_tag(*tags, response.etag, false)) return 412;
  } else if (const auto date = date_in("If-Unmodified-Since"); date && response.last_modified) {
    if (*response.last_modified > *date) return 412;
  }
  if (const auto tags = request.header("If-None-Match")) {
    if (has_tag(*tags, response.etag, true)) return 304;
  } else if (const auto date = date_in("If-Modified-Since"); date && response.last_modified) {
    if (*response.last_modified <= *date) return 304;
  }
  return 200;
}

/// RFC 9110, 13.1.5. A date is a strong validator only if the file cannot have changed twice in that second.
bool if_range_holds(const Request& request, const Response& response, std::time_t now) {
  const auto condition = request.header("If-Range");
  if (!condition) return true;
  if (condition->starts_with('"')) return *condition == response.etag;
  return response.last_modified && parse_date(*condition) == response.last_modified &&
         *response.last_modified < now - 1;
}

std::string content_range(const Range& range, std::uint64_t whole) {
  return concat("bytes ", range.first, "-", range.first + range.size - 1, "/", whole);
}

/// RFC 9110, 14.6. The boundary only has to be absent from the content: a fixed text that nobody writes into a file,
/// made longer by what differs between files.
void make_multipart(Response& response, const std::vector<Range>& ranges) {
  const std::string boundary = concat("kiln-7d1f3a0c5be24968-", response.body.size());
  std::string type;
  for (Header& header : response.headers) {
    if (equal_ignoring_case(header.name, "Content-Type")) {
      type = concat("Content-Type: ", header.value, "\r\n");
      header.value = concat("multipart/byteranges; boundary=", boundary);
    }
  }
  if (type.empty()) response.add("Content-Type", concat("multipart/byteranges; boundary=", boundary));
  Body body;
  for (const Range& range : ranges) {
    body.append(concat("\r\n--", boundary, "\r\n", type, "Content-Range: ", content_range(range, response.body.size()),
                       "\r\n\r\n"));
    body.append(response.body.slice(range.first, range.size));
  }
  body.append(concat("\r\n--", boundary, "--\r\n"));
  response.body = std::move(body);
}

/// Ranges are defined for GET alone (14.2).
void apply_ranges(const Request& request, Response& response, Answer& answer, std::time_t now) {
  const auto header = request.header("Range");
  if (!header || request.method != Request::Method::get || !if_range_holds(request, response, now)) return;
  const std::optional<std::vector<Range>> ranges = parse_ranges(*header, response.body.size());
  if (!ranges) return;
  if (ranges->empty()) {
    Response refused = Response::error(416, concat("the file has ", response.body.size(), " bytes"));
    refused.add("Content-Range", concat("bytes */", response.body.size()));
    response = std::move(refused);
    return;
  }
  response.status = 206;
  if (ranges->size() > 1) {
    make_multipart(response, *ranges);
    return;
  }
  const Range& range = ranges->front();
  response.add("Content-Range", content_range(range, response.body.size()));
  answer.offset = range.first;
  response.body = response.body.slice(range.first, range.size);
}

void apply_conditions(const Request& request, Response& response, Answer& answer, std::time_t now) {
  switch (evaluate_preconditions(request, response)) {
    case 304:  // with what a cache updates, without what describes the content (15.4.5)
      response.status = 304;
      std::erase_if(response.headers, [](const Header& header) {
        return equal_ignoring_case(std::string_view{header.name}.substr(0, 8), "Content-");
      });
      response.body = {};
      break;
    case 412: {
      Response refused = Response::error(412, "it is not, or no longer, what the request expects");
      refused.close = response.close;
      response = std::move(refused);
      break;
    }
    default:
      apply_ranges(request, response, answer, now);
  }
}

void append_line(std::string& head, std::string_view name, std::string_view value) {
  head.append(name).append(": ").append(value).append("\r\n");
}

/// A header from a handler, which may have text from outside in it.
void append_checked(std::string& head, const Header& header) {
  const bool clean = std::none_of(header.value.begin(), header.value.end(),
                                  [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
  if (!is_token(header.name) || !clean) {
    throw Error{"the header ", quote(header.name), " cannot be sent as ", quote(header.value)};
  }
  append_line(head, header.name, header.value);
}

bool has_body(int status) { return status != 204 && status != 304; }

/// The date's text is made once a second: it is in every head.
const std::string& date_text(std::time_t now) {
  thread_local std::time_t last = -1;
  thread_local std::string text;
  if (now != last) text = format_date(last = now);
  return text;
}

void append_connection(std::string& head, const Request& request, bool keep_alive) {
  if (!keep_alive) {
    append_line(head, "Connection", "close");
  } else if (!request.http_1_1) {
    append_line(head, "Connection", "keep-alive");
  }
}

void append_framing(std::string& head, const Response& response, const Answer& answer) {
  if (answer.chunked) {
    append_line(head, "Transfer-Encoding", "chunked");
  } else if (!response.channel && has_body(response.status)) {
    append_line(head, "Content-Length", std::to_string(response.body.size()));
  }
}

std::string make_head(const Request& request, const Response& response, const Answer& answer, std::time_t now) {
  std::string head;
  head.reserve(384);
  head += concat("HTTP/1.1 ", response.status, " ", reason_phrase(response.status), "\r\n");
  append_line(head, "Date", date_text(now));
  for (const Header& header : response.headers) append_checked(head, header);
  if (!response.etag.empty()) append_checked(head, {"ETag", response.etag});
  if (response.last_modified) append_line(head, "Last-Modified", format_date(*response.last_modified));
  if (!response.etag.empty() || response.last_modified) append_line(head, "Accept-Ranges", "bytes");
  append_framing(head, response, answer);
  append_connection(head, request, answer.keep_alive);
  head += "\r\n";
  return head;
}

}  // namespace

Answer make_answer(const Request& request, Response response, std::time_t now) {
  Answer answer{};
  answer.whole = response.body.size();
  const bool conditional = is_read(request) && response.status == 200 && !response.channel;
  if (conditional && (!response.etag.empty() || response.last_modified))
    apply_conditions(request, response, answer, now);
  // A channel's body ends with the connection where chunks are not understood.
  answer.chunked = response.channel != nullptr && request.http_1_1;
  answer.keep_alive = request.keep_alive && !response.close && (!response.channel || answer.chunked);
  answer.status = response.status;
  answer.head = make_head(request, response, answer, now);
  if (request.method != Request::Method::head && has_body(response.status)) {
    answer.body = std::move(response.body);
    answer.channel = std::move(response.channel);
  }
  return answer;
}

}  // namespace kiln::http
