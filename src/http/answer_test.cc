#include "http/answer.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace kiln::http {
namespace {

constexpr std::time_t kNow = 784111777;            // Sun, 06 Nov 1994 08:49:37 GMT
constexpr std::time_t kModified = kNow - 60 * 60;  // 07:49:37

Request get(std::vector<Header> headers) {
  Request request;
  request.method = Request::Method::get;
  request.path = "/";
  request.headers = std::move(headers);
  return request;
}

Response file() {
  Response response = Response::text(200, "0123456789", "text/x");
  response.etag = "\"tag\"";
  response.last_modified = kModified;
  return response;
}

std::string text_of(const Body& body) {
  std::string text;
  for (const Body::Piece& piece : body.pieces()) {
    const auto& memory = std::get<Body::Memory>(piece);
    text += memory.text->substr(memory.offset, memory.size);
  }
  return text;
}

struct Case {
  const char* name;
  std::vector<Header> headers;
  int status;
  const char* body;
};

const Case kCases[] = {
    {"Whole", {}, 200, "0123456789"},
    {"Range", {{"Range", "bytes=2-4"}}, 206, "234"},
    {"Suffix", {{"Range", "bytes=-1"}}, 206, "9"},
    {"Beyond", {{"Range", "bytes=10-"}}, 416, "416 Range Not Satisfiable: the file has 10 bytes\n"},
    {"RangeNotUnderstood", {{"Range", "lines=1"}}, 200, "0123456789"},
    {"NoneMatchSame", {{"If-None-Match", "\"a\", \"tag\""}}, 304, ""},
    {"NoneMatchWeak", {{"If-None-Match", "W/\"tag\""}}, 304, ""},
    {"NoneMatchAny", {{"If-None-Match", "*"}}, 304, ""},
    {"NoneMatchOther", {{"If-None-Match", "\"other\""}}, 200, "0123456789"},
    {"NoneMatchBeatsDate",
     {{"If-None-Match", "\"other\""}, {"If-Modified-Since", "Sun, 06 Nov 1994 08:49:37 GMT"}},
     200,
     "0123456789"},
    {"NotModified", {{"If-Modified-Since", "Sun, 06 Nov 1994 07:49:37 GMT"}}, 304, ""},
    {"Modified", {{"If-Modified-Since", "Sun, 06 Nov 1994 07:49:36 GMT"}}, 200, "0123456789"},
    {"BadDate", {{"If-Modified-Since", "yesterday"}}, 200, "0123456789"},
    {"MatchSame", {{"If-Match", "\"tag\""}}, 200, "0123456789"},
    {"MatchWeak",
     {{"If-Match", "W/\"tag\""}},
     412,
     "412 Precondition Failed: it is not, or no longer, what the request expects\n"},
    {"MatchOther",
     {{"If-Match", "\"x\""}},
     412,
     "412 Precondition Failed: it is not, or no longer, what the request expects\n"},
    {"UnmodifiedSince", {{"If-Unmodified-Since", "Sun, 06 Nov 1994 07:49:37 GMT"}}, 200, "0123456789"},
    {"ModifiedSince",
     {{"If-Unmodified-Since", "Sun, 06 Nov 1994 07:49:36 GMT"}},
     412,
     "412 Precondition Failed: it is not, or no longer, what the request expects\n"},
    {"IfRangeTag", {{"Range", "bytes=2-4"}, {"If-Range", "\"tag\""}}, 206, "234"},
    {"IfRangeOther", {{"Range", "bytes=2-4"}, {"If-Range", "\"x\""}}, 200, "0123456789"},
    {"IfRangeWeak", {{"Range", "bytes=2-4"}, {"If-Range", "W/\"tag\""}}, 200, "0123456789"},
    {"IfRangeDate", {{"Range", "bytes=2-4"}, {"If-Range", "Sun, 06 Nov 1994 07:49:37 GMT"}}, 206, "234"},
    {"IfRangeOtherDate", {{"Range", "bytes=2-4"}, {"If-Range", "Sun, 06 Nov 1994 07:49:38 GMT"}}, 200, "0123456789"},
};

TEST(Answer, PreconditionsAndRanges) {
  for (const Case& one : kCases) {
    const Answer answer = make_answer(get(one.headers), file(), kNow);
    EXPECT_EQ(answer.status, one.status) << one.name;
    EXPECT_EQ(text_of(answer.body), one.body) << one.name;
  }
}

TEST(Answer, WholeHeads) {
  EXPECT_EQ(make_answer(get({}), file(), kNow).head,
            "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Type: text/x\r\nETag: \"tag\"\r\n"
            "Last-Modified: Sun, 06 Nov 1994 07:49:37 GMT\r\nAccept-Ranges: bytes\r\nContent-Length: 10\r\n\r\n");
  EXPECT_EQ(make_answer(get({{"Range", "bytes=2-4"}}), file(), kNow).head,
            "HTTP/1.1 206 Partial Content\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Type: text/x\r\n"
            "Content-Range: bytes 2-4/10\r\nETag: \"tag\"\r\nLast-Modified: Sun, 06 Nov 1994 07:49:37 GMT\r\n"
            "Accept-Ranges: bytes\r\nContent-Length: 3\r\n\r\n");
  EXPECT_EQ(make_answer(get({{"Range", "bytes=10-"}}), file(), kNow).head,
            "HTTP/1.1 416 Range Not Satisfiable\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
            "Content-Type: text/plain; charset=utf-8\r\nContent-Range: bytes */10\r\nContent-Length: 49\r\n\r\n");
  EXPECT_EQ(make_answer(get({{"If-None-Match", "*"}}), file(), kNow).head,
            "HTTP/1.1 304 Not Modified\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nETag: \"tag\"\r\n"
            "Last-Modified: Sun, 06 Nov 1994 07:49:37 GMT\r\nAccept-Ranges: bytes\r\n\r\n");
}

TEST(Answer, SeveralRanges) {
  const Answer answer = make_answer(get({{"Range", "bytes=0-1,-2"}}), file(), kNow);
  EXPECT_EQ(answer.status, 206);
  EXPECT_NE(answer.head.find("Content-Type: multipart/byteranges; boundary=kiln-7d1f3a0c5be24968-10\r\n"),
            std::string::npos);
  EXPECT_NE(answer.head.find(concat("Content-Length: ", answer.body.size(), "\r\n")), std::string::npos);
  EXPECT_EQ(text_of(answer.body),
            "\r\n--kiln-7d1f3a0c5be24968-10\r\nContent-Type: text/x\r\nContent-Range: bytes 0-1/10\r\n\r\n01"
            "\r\n--kiln-7d1f3a0c5be24968-10\r\nContent-Type: text/x\r\nContent-Range: bytes 8-9/10\r\n\r\n89"
            "\r\n--kiln-7d1f3a0c5be24968-10--\r\n");
}

TEST(Answer, HeadIsGetWithoutTheBody) {
  Request request = get({{"Range", "bytes=2-4"}});  // ranges are defined for GET alone
  request.method = Request::Method::head;
  const Answer answer = make_answer(request, file(), kNow);
  EXPECT_EQ(answer.head, make_answer(get({}), file(), kNow).head);
  EXPECT_EQ(answer.body.size(), 0U);
  EXPECT_EQ(answer.whole, 10U);
}

TEST(Answer, WithoutValidatorsThereAreNoRanges) {
  const Answer answer = make_answer(get({{"Range", "bytes=2-4"}}), Response::text(200, "0123456789"), kNow);
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.head.find("Accept-Ranges"), std::string::npos);
}

TEST(Answer, ErrorsAreNotConditional) {
  Response missing = Response::error(404, "x");
  missing.etag = "\"tag\"";
  EXPECT_EQ(make_answer(get({{"If-None-Match", "\"tag\""}}), std::move(missing), kNow).status, 404);
}

TEST(Answer, Connections) {
  Request old = get({});
  old.http_1_1 = false;
  EXPECT_NE(make_answer(old, file(), kNow).head.find("Connection: keep-alive\r\n"), std::string::npos);
  old.keep_alive = false;
  const Answer closed = make_answer(old, file(), kNow);
  EXPECT_NE(closed.head.find("Connection: close\r\n"), std::string::npos);
  EXPECT_FALSE(closed.keep_alive);
}

TEST(Answer, AHeaderThatWouldEndItsLineIsNotSent) {
  Response response = file();
  response.add("Location", "/\r\nSet-Cookie: x");
  EXPECT_THROW(
      try { make_answer(get({}), std::move(response), kNow); } catch (const Error& error) {
        EXPECT_EQ(error.message(), "the header 'Location' cannot be sent as '/\\x0d\\x0aSet-Cookie: x'");
        throw;
      },
      Error);
}

TEST(Body, SlicesCutAcrossPieces) {
  Body body;
  for (const char* piece : {"abc", "", "defg", "h"}) body.append(std::string{piece});
  const std::string whole = "abcdefgh";
  EXPECT_EQ(body.size(), whole.size());
  for (std::size_t first = 0; first <= whole.size(); ++first) {
    for (std::size_t size = 0; size <= whole.size() - first; ++size) {
      const Body slice = body.slice(first, size);
      EXPECT_EQ(text_of(slice), whole.substr(first, size));
      EXPECT_EQ(slice.size(), size);
    }
  }
}

}  // namespace
}  // namespace kiln::http
