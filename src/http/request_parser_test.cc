#include "http/request_parser.h"

#include <gtest/gtest.h>

#include <ostream>

#include "base/error.h"

namespace kiln::http {

void PrintTo(const Request& request, std::ostream* out) {
  *out << method_name(request.method) << ' ' << request.target << " path=" << request.path
       << " 1.1=" << request.http_1_1 << " keep=" << request.keep_alive << " body=" << request.body;
  for (const auto& [name, value] : request.query) *out << " ?" << name << '=' << value;
  for (const Header& header : request.headers) *out << " [" << header.name << ": " << header.value << ']';
}

namespace {

struct Outcome {
  std::vector<Request> requests;
  std::string refusal;  // "STATUS MESSAGE"
  bool operator==(const Outcome&) const = default;
};

/// What the parser makes of `bytes` when they come in pieces of `size`, asked after each piece.
Outcome parse(std::string_view bytes, std::size_t size, const Limits& limits = {}) {
  RequestParser parser{limits};
  Outcome outcome;
  while (true) {
    RequestParser::Result next = parser.next();
    if (auto* request = std::get_if<Request>(&next)) {
      outcome.requests.push_back(std::move(*request));
    } else if (auto* refusal = std::get_if<Refusal>(&next)) {
      outcome.refusal = concat(refusal->status, " ", refusal->message);
      return outcome;
    } else if (bytes.empty()) {
      return outcome;
    } else {
      const std::string_view piece = bytes.substr(0, size);
      parser.add(piece);
      bytes.remove_prefix(piece.size());
    }
  }
}

constexpr std::size_t kPieces[] = {1, 2, 3, 5, 16, 511, 512, 513, 1 << 20};

Request request_for(std::string target, std::string path) {
  Request request;
  request.method = Request::Method::get;
  request.target = std::move(target);
  request.path = std::move(path);
  request.headers = {{"Host", "h"}};
  return request;
}

struct GoodCase {
  const char* name;
  std::string bytes;
  std::vector<Request> expected;
};

std::vector<GoodCase> good_cases() {
  std::vector<GoodCase> cases;
  cases.push_back({"Plain", "GET / HTTP/1.1\r\nHost: h\r\n\r\n", {request_for("/", "/")}});
  {
    Request request = request_for("/a%20b/c?x=1&y=%2B+z", "/a b/c");
    request.query = {{"x", "1"}, {"y", "+ z"}};
    cases.push_back({"Decoded", "GET /a%20b/c?x=1&y=%2B+z HTTP/1.1\r\nHost: h\r\n\r\n", {request}});
  }
  cases.push_back({"EmptyLinesFirst", "\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", {request_for("/", "/")}});
  {
    Request request = request_for("/", "/");
    request.method = Request::Method::head;
    request.headers = {{"hOsT", "h:80"}, {"X-Empty", ""}, {"X-Tab", "a\tb"}, {"X-High", "\xc3\xbc"}};
    cases.push_back({"Headers",
                     "HEAD / HTTP/1.1\r\nhOsT:h:80 \r\nX-Empty:\r\nX-Tab: \ta\tb\t \r\nX-High: \xc3\xbc\r\n\r\n",
                     {request}});
  }
  {
    Request request = request_for("http://other:81/p?q", "/p");
    request.query = {{"q", ""}};
    request.headers = {{"Host", "other:81"}};
    cases.push_back({"WholeUrl", "GET http://other:81/p?q HTTP/1.1\r\nHost: h\r\n\r\n", {request}});
  }
  {
    Request request = request_for("/", "/");
    request.http_1_1 = request.keep_alive = false;
    request.headers.clear();
    cases.push_back({"Http10", "GET / HTTP/1.0\r\n\r\n", {request}});
  }
  {
    Request request = request_for("/", "/");
    request.http_1_1 = false;
    request.headers = {{"Connection", "x, Keep-Alive"}};
    cases.push_back({"Http10KeepAlive", "GET / HTTP/1.0\r\nConnection: x, Keep-Alive\r\n\r\n", {request}});
  }
  {
    Request request = request_for("/", "/");
    request.keep_alive = false;
    request.headers = {{"Host", "h"}, {"Connection", "a"}, {"Connection", "b,close"}};
    cases.push_back({"Close", "GET / HTTP/1.1\r\nHost: h\r\nConnection: a\r\nConnection: b,close\r\n\r\n", {request}});
  }
  {
    Request post = request_for("/home", "/home");
    post.method = Request::Method::post;
    post.headers = {{"Host", "h"}, {"Content-Length", "8"}};
    post.body = "GET / HT";
    cases.push_back(
        {"BodyThenPipelined",
         "POST /home HTTP/1.1\r\nHost: h\r\nContent-Length: 8\r\n\r\nGET / HTGET /2 HTTP/1.1\r\nHost: h\r\n\r\n",
         {post, request_for("/2", "/2")}});
  }
  {
    Request post = request_for("/", "/");
    post.method = Request::Method::post;
    post.headers = {{"Host", "h"}, {"Transfer-Encoding", "Chunked"}};
    post.body = "hello, world";
    cases.push_back({"Chunks",
                     "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked\r\n\r\n5\r\nhello\r\n007;x=\"y\"\r\n, "
                     "world\r\n0\r\nTrailer: dropped\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n",
                     {post, request_for("/2", "/2")}});
  }
  {
    Request future = request_for("/", "/");
    cases.push_back({"LaterMinorVersion", "GET / HTTP/1.7\r\nHost: h\r\n\r\n", {future}});
  }
  cases.push_back(
      {"Pipelined",
       "GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\nGET /3 HTTP/1.1\r\nHost: h\r\n\r\n",
       {request_for("/1", "/1"), request_for("/2", "/2"), request_for("/3", "/3")}});
  return cases;
}

TEST(RequestParser, GoodRequestsInPiecesOfEverySize) {
  for (const GoodCase& one : good_cases()) {
    for (const std::size_t size : kPieces) {
      const Outcome outcome = parse(one.bytes, size);
      EXPECT_EQ(outcome.refusal, "") << one.name << " in pieces of " << size;
      EXPECT_EQ(outcome.requests, one.expected) << one.name << " in pieces of " << size;
    }
  }
}

struct BadCase {
  const char* name;
  std::string bytes;
  const char* refusal;
};

std::string with_header(const std::string& line) { return concat("POST / HTTP/1.1\r\nHost: h\r\n", line, "\r\n\r\n"); }
std::string with_target(const std::string& target) { return concat("GET ", target, " HTTP/1.1\r\nHost: h\r\n\r\n"); }

const BadCase kBad[] = {
    {"Garbage", "\x16\x03\x01\x02", "400 this is not HTTP; https: cannot be spoken here"},
    {"OneWord", "GET\r\n", "400 the request line is not METHOD TARGET HTTP/VERSION"},
    {"Http09", "GET /\r\n", "400 the request line is not METHOD TARGET HTTP/VERSION"},
    {"TwoSpaces", "GET  / HTTP/1.1\r\n", "400 the request line is not METHOD TARGET HTTP/VERSION"},
    {"SpaceInTarget", "GET /a b HTTP/1.1\r\n", "400 the request line is not METHOD TARGET HTTP/VERSION"},
    {"LowerCaseVersion", "GET / http/1.1\r\n", "400 the request line is not METHOD TARGET HTTP/VERSION"},
    {"LongVersion", "GET / HTTP/1.10\r\n", "400 the request line is not METHOD TARGET HTTP/VERSION"},
    {"Http2", "PRI * HTTP/2.0\r\n", "505 the version of HTTP is neither 1.0 nor 1.1"},
    {"NotAllowed", "DELETE / HTTP/1.1\r\n", "405 the method DELETE is not allowed here"},
    {"UnknownMethod", "BREW / HTTP/1.1\r\n", "501 there is no method 'BREW'"},
    {"LowerCaseMethod", "get / HTTP/1.1\r\n", "501 there is no method 'get'"},
    {"BadMethod", "G(T / HTTP/1.1\r\n", "400 the request line does not begin with a method"},
    {"BareLineFeed", "GET / HTTP/1.1\nHost: h\r\n\r\n", "400 a line ends in LF without CR"},
    {"BareCarriageReturn", "GET / HTTP/1.1\r\nHost: h\rX: y\r\n\r\n", "400 a control character in the head"},
    {"NulInHeader", {"GET / HTTP/1.1\r\nHost: h\r\nX: \0\r\n\r\n", 34}, "400 a control character in the head"},
    {"NoHost", "GET / HTTP/1.1\r\n\r\n", "400 no Host header"},
    {"TwoHosts", with_header("Host: h"), "400 more than one Host header"},
    {"BadHost", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "400 the Host header is not a host"},
    {"ScriptInHost", "GET / HTTP/1.1\r\nHost: ${x}\r\n\r\n", "400 the Host header is not a host"},
    {"ObsFold", with_header("X: a\r\n b"), "400 a header goes on in the next line"},
    {"FoldedFirst", "GET / HTTP/1.1\r\n Host: h\r\n\r\n", "400 a header goes on in the next line"},
    {"NoColon", with_header("X"), "400 a header without a colon"},
    {"SpaceBeforeColon", with_header("Content-Length : 5"), "400 a header's name is not a token"},
    {"EmptyName", with_header(": x"), "400 a header's name is not a token"},
    {"BadName", with_header("Content\xc3\xbc: 5"), "400 a header's name is not a token"},
    {"LengthAndCoding", with_header("Content-Length: 5\r\nTransfer-Encoding: chunked"),
     "400 both Content-Length and Transfer-Encoding"},
    {"TwoLengths", with_header("Content-Length: 5\r\nContent-Length: 5"), "400 more than one Content-Length"},
    {"LengthList", with_header("Content-Length: 5, 5"), "400 the Content-Length is not a number"},
    {"LengthSigned", with_header("Content-Length: +5"), "400 the Content-Length is not a number"},
    {"LengthNegative", with_header("Content-Length: -1"), "400 the Content-Length is not a number"},
    {"LengthHex", with_header("Content-Length: 0x5"), "400 the Content-Length is not a number"},
    {"LengthEmpty", with_header("Content-Length:"), "400 the Content-Length is not a number"},
    {"LengthHuge", with_header("Content-Length: 99999999999999999999"), "413 the body is longer than 65536 bytes"},
    {"LengthTooLong", with_header("Content-Length: 65537"), "413 the body is longer than 65536 bytes"},
    {"CodingUnknown", with_header("Transfer-Encoding: gzip, chunked"), "501 a Transfer-Encoding other than chunked"},
    {"CodingTwice", with_header("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"),
     "501 a Transfer-Encoding other than chunked"},
    {"CodingHidden",
     with_header("Transfer-Encoding: \x0b"
                 "chunked"),
     "400 a control character in the head"},
    {"CodingInHttp10", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", "400 a Transfer-Encoding in HTTP/1.0"},
    {"Expectation", with_header("Expect: magic"), "417 an expectation other than 100-continue"},
    {"ChunkSize", with_header("Transfer-Encoding: chunked") + "x\r\n",
     "400 a chunk's size is not a hexadecimal number"},
    {"ChunkSizeEmpty", with_header("Transfer-Encoding: chunked") + ";a\r\n",
     "400 a chunk's size is not a hexadecimal number"},
    {"ChunkSizeSigned", with_header("Transfer-Encoding: chunked") + "-1\r\n",
     "400 a chunk's size is not a hexadecimal number"},
    {"ChunkTooLong", with_header("Transfer-Encoding: chunked") + "3\r\nabcd\r\n",
     "400 a chunk is longer than its size says"},
    {"ChunksTooMuch", with_header("Transfer-Encoding: chunked") + "10001\r\n",
     "413 the body is longer than 65536 bytes"},
    {"ChunkSizeOverflows", with_header("Transfer-Encoding: chunked") + "10000000000000001\r\n",
     "413 the body is longer than 65536 bytes"},
    {"ChunkLineTooLong", with_header("Transfer-Encoding: chunked") + "1;" + std::string(300, 'x') + "\r\n",
     "400 a chunk's size is longer than a line may be"},
    {"RequestLineTooLong", with_target("/" + std::string(8192, 'x')), "414 the request line is longer than 8192 bytes"},
    {"HeadTooLong", with_header("X: " + std::string(16384, 'x')), "431 the request's head is longer than 16384 bytes"},
    {"EndlessEmptyLines",
     [] {
       std::string lines;
       for (int i = 0; i < 10000; ++i) lines += "\r\n";
       return lines;
     }(),
     "431 the request's head is longer than 16384 bytes"},
    {"TooManyHeaders",
     [] {
       std::string lines;
       for (int i = 0; i < 100; ++i) lines += "\r\na:";
       return with_header("X: y" + lines);
     }(),
     "431 there are more than 100 headers"},
    {"Escape", with_target("/../x"), "400 the path leads out of the root"},
    {"EscapeLater", with_target("/a/../../x"), "400 the path leads out of the root"},
    {"EscapeEncoded", with_target("/%2e%2E/x"), "400 the path leads out of the root"},
    {"EncodedSlash", with_target("/a%2f..%2fx"), "400 an encoded slash in the path"},
    {"EncodedNul", with_target("/a%00.txt"), "400 an encoded NUL in the path"},
    {"BadEncoding", with_target("/%2"), "400 a % in the path without two hexadecimal digits after it"},
    {"BadQueryEncoding", with_target("/?a=%zz"), "400 a % in the query without two hexadecimal digits after it"},
    {"Fragment", with_target("/#x"), "400 a fragment (#) in the target"},
    {"NoSlash", with_target("x"), "400 the target is neither a path from / nor a URL of http://"},
    {"OtherScheme", with_target("ftp://h/"), "400 the target is neither a path from / nor a URL of http://"},
    {"UserInUrl", with_target("http://a@b/"), "400 the Host header is not a host"},
};

TEST(RequestParser, BadRequestsInPiecesOfEverySize) {
  for (const BadCase& one : kBad) {
    for (const std::size_t size : kPieces) {
      const Outcome outcome = parse(one.bytes, size);
      EXPECT_EQ(outcome.refusal, one.refusal) << one.name << " in pieces of " << size;
      EXPECT_TRUE(outcome.requests.empty()) << one.name << " in pieces of " << size;
    }
  }
}

TEST(RequestParser, ARefusalIsForEver) {
  const Outcome outcome =
      parse("GET /1 HTTP/1.1\r\nHost: h\r\n\r\nBREW /2 HTTP/1.1\r\n\r\nGET /3 HTTP/1.1\r\nHost: h\r\n\r\n", 7);
  EXPECT_EQ(outcome, (Outcome{{request_for("/1", "/1")}, "501 there is no method 'BREW'"}));
  const Limits limits;
  RequestParser parser{limits};
  parser.add("BREW /2 HTTP/1.1\r\n");
  for (int i = 0; i < 2; ++i) {
    const RequestParser::Result next = parser.next();
    ASSERT_TRUE(std::holds_alternative<Refusal>(next));
    EXPECT_EQ(std::get<Refusal>(next).request.target, "/2");
    parser.add("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  }
}

TEST(RequestParser, SaysOnceWhetherTheClientWaitsToContinue) {
  const Limits limits;
  const std::string head = "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n";
  RequestParser waits{limits};
  waits.add(head);
  EXPECT_TRUE(std::holds_alternative<RequestParser::Incomplete>(waits.next()));
  EXPECT_TRUE(waits.take_expectation());
  EXPECT_FALSE(waits.take_expectation());
  waits.add("ok");
  EXPECT_EQ(std::get<Request>(waits.next()).body, "ok");

  RequestParser does_not{limits};
  does_not.add(head + "o");
  EXPECT_TRUE(std::holds_alternative<RequestParser::Incomplete>(does_not.next()));
  EXPECT_FALSE(does_not.take_expectation());
}

TEST(RequestParser, KnowsWhetherARequestHasBegun) {
  const Limits limits;
  RequestParser parser{limits};
  EXPECT_FALSE(parser.has_begun());
  parser.add("GET / HTTP/1.1\r\nHost: h\r\n\r\nG");
  EXPECT_TRUE(std::holds_alternative<Request>(parser.next()));
  EXPECT_TRUE(parser.has_begun());
  parser.add("ET / HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_TRUE(std::holds_alternative<Request>(parser.next()));
  EXPECT_FALSE(parser.has_begun());
}

}  // namespace
}  // namespace kiln::http
