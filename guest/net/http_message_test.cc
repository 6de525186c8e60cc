#include "net/http_message.h"

#include <gtest/gtest.h>

namespace guest {
namespace {

struct Outcome {
  std::string problem;
  int status = 0;
  std::string body;
};

/// The response in pieces of `piece` bytes, and then the end of the connection.
Outcome read(std::string_view bytes, std::size_t piece, std::size_t max_body = 100) {
  HttpResponseReader reader{max_body};
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    if (!reader.feed(bytes.substr(at, piece))) break;
  }
  reader.end();
  return {reader.problem(), reader.response().status, reader.response().body};
}

TEST(HttpResponse, ReadsEveryFraming) {
  struct Case {
    const char* bytes;
    int status;
    const char* body;
  };
  constexpr Case kCases[] = {
      {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, "hello"},
      {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello, more that is not ours", 200, "hello"},
      {"HTTP/1.0 200 OK\r\nServer: x\r\n\r\nuntil\r\nthe end", 200, "until\r\nthe end"},
      {"HTTP/1.1 200 OK\r\ntransfer-ENCODING: chunked\r\n\r\n3\r\nabc\r\n0A;x=y\r\n0123456789\r\n0\r\nTrailer: "
       "1\r\n\r\n",
       200, "abc0123456789"},
      {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n", 204, ""},
      {"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", 404, ""},
      {"HTTP/1.1 200\nContent-Length: 1\n\nx", 200, "x"},
      {"HTTP/1.1 200 OK\r\nContent-Length: 7\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n", 200, "a"},
  };
  for (const Case& row : kCases) {
    for (std::size_t piece : {1U, 2U, 7U, 4096U}) {
      Outcome outcome = read(row.bytes, piece);
      EXPECT_EQ(outcome.problem, "") << row.bytes;
      EXPECT_EQ(outcome.status, row.status) << row.bytes;
      EXPECT_EQ(outcome.body, row.body) << row.bytes;
    }
  }
}

TEST(HttpResponse, SaysWhatIsWrong) {
  const std::string long_line = "HTTP/1.1 200 OK\r\nX: " + std::string(9000, 'x') + "\r\n\r\n";
  std::string many_lines = "HTTP/1.1 200 OK\r\n";
  for (int i = 0; i < 201; ++i) many_lines += "a: b\r\n";
  std::string interim;
  for (int i = 0; i < 250; ++i) interim += "HTTP/1.1 103 Early Hints\r\na: b\r\n\r\n";
  const std::pair<std::string, const char*> kCases[] = {
      {"", "the connection ended before a response"},
      {"SSH-2.0-OpenSSH_9.2\r\n", "expected an HTTP/1 status line, got 'SSH-2.0-OpenSSH_9.2'"},
      {"HTTP/2 200\r\n", "expected an HTTP/1 status line, got 'HTTP/2 200'"},
      {"HTTP/1.1 2x0 OK\r\n", "expected an HTTP/1 status line, got 'HTTP/1.1 2x0 OK'"},
      {"HTTP/1.1 200 OK\r\nContent-Le", "the connection ended in the middle of the response"},
      {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", "the connection ended in the middle of the response"},
      {"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n", "expected one length, got '-5'"},
      {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", "expected one length, got '6'"},
      {"HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n", "the response has 101 bytes, allowed are 100"},
      {"HTTP/1.1 200 OK\r\n\r\n" + std::string(101, 'x'), "the response has more than the 100 bytes allowed"},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", "cannot read the transfer encoding 'gzip'"},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", "expected the size of a chunk, got 'xyz'"},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
       "expected the size of a chunk, got 'ffffffffffffffff'"},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffff\r\n" + std::string(200, 'x'),
       "the response has more than the 100 bytes allowed"},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n", "expected the end of a line after a chunk"},
      {"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "expected NAME: VALUE, got 'no colon'"},
      {long_line, "a line of the response is longer than 8192 bytes"},
      {many_lines, "the response has more than 200 header lines"},
      {interim, "the response has more than 200 header lines"},
  };
  for (const auto& [bytes, problem] : kCases) {
    EXPECT_EQ(read(bytes, 4096).problem, problem);
    EXPECT_EQ(read(bytes, 1).problem, problem);
  }
}

TEST(HttpRequest, OnTheWire) {
  HttpRequest request{"POST", {"::1", 8080, "/x?y"}, {"Content-Type: text/plain"}, "abc"};
  EXPECT_EQ(wire_text(request),
            "POST /x?y HTTP/1.1\r\nHost: [::1]:8080\r\nUser-Agent: kiln-guest\r\nConnection: close\r\n"
            "Content-Type: text/plain\r\nContent-Length: 3\r\n\r\nabc");
}

}  // namespace
}  // namespace guest
