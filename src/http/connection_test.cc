#include "http/connection.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "base/event_loop.h"
#include "base/file.h"

namespace kiln::http {
namespace {

using namespace std::chrono_literals;

struct ManualClock final : Clock {
  std::chrono::nanoseconds time{1h};
  std::chrono::nanoseconds now() const override { return time; }
};

/// Notes what it is told, one line an event.
struct Notes final : Observer {
  std::vector<std::string> lines;
  void on_response(const Transfer& transfer, std::string_view cut) override {
    lines.push_back(concat(method_name(transfer.request.method), " ", transfer.request.target, " ", transfer.status,
                           " ", transfer.sent, "/", transfer.size, cut.empty() ? "" : " cut: ", cut));
  }
  void on_progress(const Transfer& transfer) override {
    lines.push_back(concat("progress ", transfer.sent < transfer.size ? "below" : "at", " the end of ", transfer.size));
  }
  void on_trouble(std::string_view message) override { lines.emplace_back(message); }
};

/// A connection on one end of a socket pair, the test on the other.
class Lab {
 public:
  explicit Lab(std::function<Response(const Request&)> handler, Limits limits = {})
      : service{loop, limits, std::move(handler), [] { return std::time_t{784111777}; }, notes} {
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
    client = UniqueFd{ends[0]};
    connection.emplace(UniqueFd{ends[1]}, Endpoint{"192.0.2.7", 4711}, Endpoint{"192.0.2.1", 80}, service);
    loop.watch(ends[1], EventLoop::kReadable, [this](std::uint32_t) { connection->on_ready(); });
  }

  void send(std::string_view bytes) {
    ASSERT_EQ(::send(client.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
  }
  void turn(int rounds = 8) {
    for (int i = 0; i < rounds; ++i) loop.run_once(0ms);
  }
  /// What the client gets now, at most `most` bytes of it.
  std::string receive(std::size_t most = 1 << 30) {
    std::string all;
    while (all.size() < most) {
      turn(2);
      char buffer[65536];
      const ssize_t got = ::recv(client.get(), buffer, std::min(sizeof buffer, most - all.size()), 0);
      at_end = got == 0;
      if (got <= 0) break;
      all.append(buffer, static_cast<std::size_t>(got));
    }
    return all;
  }
  std::string exchange(std::string_view bytes) {
    send(bytes);
    return receive();
  }
  void pass(std::chrono::nanoseconds time) {
    for (std::chrono::nanoseconds passed = 0s; passed < time && !connection->is_closed(); passed += 1s) {
      clock.time += 1s;
      connection->on_tick();
      turn(1);
    }
  }

  ManualClock clock;
  EventLoop loop{clock};
  Notes notes;
  Service service;
  UniqueFd client;
  std::optional<Connection> connection;
  bool at_end = false;  // the client has seen the end of the connection
};

Response hello(const Request& request) { return Response::text(200, concat("hello ", request.path, "\n")); }

std::string ok(std::string_view body, std::string_view extra = "") {
  return concat("HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Type: text/plain; charset=utf-8\r\n",
                "Content-Length: ", body.size(), "\r\n", extra, "\r\n", body);
}

std::string refused(std::string_view status, std::string_view message, std::string_view extra = "") {
  const std::string body = concat(status, ": ", message, "\n");
  return concat("HTTP/1.1 ", status,
                "\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Type: text/plain; charset=utf-8\r\n", extra,
                "Content-Length: ", body.size(), "\r\nConnection: close\r\n\r\n", body);
}

constexpr std::string_view kGet = "GET /x HTTP/1.1\r\nHost: h\r\n\r\n";

TEST(Connection, KeepsAliveAndPipelines) {
  Lab lab{hello};
  EXPECT_EQ(lab.exchange(kGet), ok("hello /x\n"));
  EXPECT_EQ(lab.exchange(concat(kGet, "GET /y HTTP/1.1\r\nHost: h\r\n\r\nGET /")), ok("hello /x\n") + ok("hello /y\n"));
  EXPECT_EQ(lab.exchange("z HTTP/1.1\r\nHost: h\r\n\r\n"), ok("hello /z\n"));
  EXPECT_FALSE(lab.at_end);
  EXPECT_EQ(lab.notes.lines,
            (std::vector<std::string>{"GET /x 200 9/9", "GET /x 200 9/9", "GET /y 200 9/9", "GET /z 200 9/9"}));
}

/// Who keeps account of what a client loads must not take the end of one answer for that of the next.
TEST(Connection, AnAnswerIsReportedBeforeTheNextRequestIsHandled) {
  Notes* notes = nullptr;
  Lab lab{[&](const Request& request) {
    notes->lines.push_back("asked for " + request.target);
    return Response::text(200, std::string(100 << 10, 'x'));
  }};
  notes = &lab.notes;
  lab.send(kGet);
  lab.turn();
  lab.send("GET /y HTTP/1.1\r\nHost: h\r\n\r\n");
  lab.receive();
  lab.pass(1s);
  EXPECT_EQ(lab.notes.lines, (std::vector<std::string>{"asked for /x", "GET /x 200 102400/102400", "asked for /y",
                                                       "GET /y 200 102400/102400"}));
}

/// As iPXE does, which starts the kernel it has just received.
TEST(Connection, TheLastPacketsNeedNoAcknowledgement) {
  Lab lab{[](const Request&) { return Response::text(200, std::string(200 << 10, 'x')); }};
  lab.send(kGet);
  lab.receive(200 << 10);  // all but the length of the head
  lab.pass(2s);
  EXPECT_EQ(lab.notes.lines.back(), "progress below the end of 204800");
  lab.pass(2s);
  EXPECT_EQ(lab.notes.lines.back(), "GET /x 200 204800/204800");
}

TEST(Connection, MorePipelinedRequestsThanATurnHas) {
  Lab lab{hello};
  std::string requests;
  std::string answers;
  for (int i = 0; i < 200; ++i) {
    requests += kGet;
    answers += ok("hello /x\n");
  }
  EXPECT_EQ(lab.exchange(requests), answers);
}

TEST(Connection, ClosesWhenAsked) {
  Lab lab{hello};
  EXPECT_EQ(lab.exchange("GET /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"),
            ok("hello /x\n", "Connection: close\r\n"));
  EXPECT_TRUE(lab.at_end);
  EXPECT_FALSE(lab.connection->is_closed());  // the client may still be sending
  lab.client.reset();
  lab.turn();
  EXPECT_TRUE(lab.connection->is_closed());
}

TEST(Connection, LingersForAWhileOnly) {
  Lab lab{hello};
  lab.exchange("GET /x HTTP/1.0\r\n\r\n");
  lab.send(std::string(10000, 'x'));  // read away
  lab.pass(1s);
  EXPECT_FALSE(lab.connection->is_closed());
  lab.pass(2s);
  EXPECT_TRUE(lab.connection->is_closed());
  EXPECT_EQ(lab.notes.lines, (std::vector<std::string>{"GET /x 200 9/9"}));
}

TEST(Connection, AnswersAClientThatHasClosedItsSide) {
  Lab lab{hello};
  lab.send(concat(kGet, kGet));
  ::shutdown(lab.client.get(), SHUT_WR);
  EXPECT_EQ(lab.receive(), ok("hello /x\n") + ok("hello /x\n"));
  EXPECT_TRUE(lab.at_end);
}

struct BadCase {
  const char* name;
  std::string bytes;
  std::string answer;
};

const BadCase kBad[] = {
    {"Tls", "\x16\x03\x01", refused("400 Bad Request", "this is not HTTP; https: cannot be spoken here")},
    {"Fold", "GET / HTTP/1.1\r\nHost: h\r\n X: y\r\n\r\n",
     refused("400 Bad Request", "a header goes on in the next line")},
    {"Smuggling", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /",
     refused("400 Bad Request", "both Content-Length and Transfer-Encoding")},
    {"Put", "PUT /x HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody",
     refused("405 Method Not Allowed", "the method PUT is not allowed here", "Allow: GET, HEAD, POST\r\n")},
    {"Unknown", "BREW / HTTP/1.1\r\nHost: h\r\n\r\n", refused("501 Not Implemented", "there is no method 'BREW'")},
    {"Body", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 70000\r\n\r\n" + std::string(70000, 'x'),
     refused("413 Content Too Large", "the body is longer than 65536 bytes")},
    {"Line", concat("GET /", std::string(9000, 'x'), " HTTP/1.1\r\nHost: h\r\n\r\n"),
     refused("414 URI Too Long", "the request line is longer than 8192 bytes")},
    {"Head", concat("GET / HTTP/1.1\r\nHost: h\r\nX: ", std::string(20000, 'x'), "\r\n\r\n"),
     refused("431 Request Header Fields Too Large", "the request's head is longer than 16384 bytes")},
    {"Expect", "POST / HTTP/1.1\r\nHost: h\r\nExpect: x\r\nContent-Length: 1\r\n\r\n",
     refused("417 Expectation Failed", "an expectation other than 100-continue")},
    {"Version", "GET / HTTP/3.0\r\n\r\n",
     refused("505 HTTP Version Not Supported", "the version of HTTP is neither 1.0 nor 1.1")},
    {"AfterAGoodOne", concat(kGet, "GET\r\n"),
     ok("hello /x\n") + refused("400 Bad Request", "the request line is not METHOD TARGET HTTP/VERSION")},
};

TEST(Connection, BadRequestsGetAnAnswerAndNoOther) {
  for (const BadCase& one : kBad) {
    for (const std::size_t size : {std::size_t{1} << 20, std::size_t{1000}, std::size_t{1}}) {
      if (size == 1 && one.bytes.size() > 1000) continue;
      Lab lab{hello};
      std::string got;
      for (std::size_t at = 0; at < one.bytes.size(); at += size) {
        lab.send(std::string_view{one.bytes}.substr(at, size));
        got += lab.receive();
      }
      EXPECT_EQ(got, one.answer) << one.name << " in pieces of " << size;
      EXPECT_TRUE(lab.at_end) << one.name;
    }
  }
}

TEST(Connection, Continues) {
  Lab lab{[](const Request& request) { return Response::text(200, request.body); }};
  EXPECT_EQ(lab.exchange("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"),
            "HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_EQ(lab.exchange("he"), "");
  EXPECT_EQ(lab.exchange("llo"), ok("hello"));
}

TEST(Connection, AHandlerThatThrows) {
  Lab lab{[](const Request&) -> Response { throw Error{"no disk"}; }};
  EXPECT_EQ(lab.exchange(kGet),
            "HTTP/1.1 500 Internal Server Error\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Type: text/plain; "
            "charset=utf-8\r\nContent-Length: 53\r\n\r\n500 Internal Server Error: the server's log says why\n");
  EXPECT_EQ(lab.notes.lines,
            (std::vector<std::string>{"answering GET '/x' from 192.0.2.7: no disk", "GET /x 500 53/53"}));
  EXPECT_FALSE(lab.at_end);
}

// Time.

TEST(Connection, ASilentClientIsClosed) {
  Lab lab{hello};
  lab.pass(19s);
  EXPECT_FALSE(lab.connection->is_closed());
  lab.pass(2s);
  EXPECT_TRUE(lab.connection->is_closed());
  EXPECT_EQ(lab.receive(), "");
  EXPECT_TRUE(lab.notes.lines.empty());
}

TEST(Connection, AHeadThatDripsIsEnded) {
  Lab lab{hello};
  lab.send("GET /x HTTP/1.1\r\nHost: h\r\n");
  for (int i = 0; i < 19; ++i) {
    lab.send("X: y\r\n");
    lab.turn();
    lab.pass(1s);
  }
  EXPECT_FALSE(lab.connection->is_closed());
  lab.pass(2s);
  EXPECT_EQ(lab.receive(), refused("408 Request Timeout", "the request did not arrive within 20 seconds"));
  lab.pass(5s);
  EXPECT_TRUE(lab.connection->is_closed());
}

TEST(Connection, TheTimeForAHeadBeginsWithIt) {
  Lab lab{hello};
  lab.exchange(kGet);
  lab.pass(70s);
  lab.send("GET /y HTTP/1.1\r\n");
  lab.turn();
  lab.pass(15s);
  EXPECT_EQ(lab.exchange("Host: h\r\n\r\n"), ok("hello /y\n"));
}

TEST(Connection, AnIdleClientIsClosedLater) {
  Lab lab{hello};
  lab.exchange(kGet);
  lab.pass(74s);
  EXPECT_FALSE(lab.connection->is_closed());
  lab.pass(2s);
  EXPECT_TRUE(lab.connection->is_closed());
}

constexpr std::size_t kLarge = 8 << 20;

Response large(const Request&) {
  std::string text(kLarge, '\0');
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(i * 7 / 3);
  return Response::text(200, std::move(text));
}

std::string body_of(const std::string& answer) { return answer.substr(answer.find("\r\n\r\n") + 4); }

TEST(Connection, AReaderThatStopsIsCutOff) {
  Lab lab{large};
  lab.send(kGet);
  lab.turn();
  lab.pass(59s);
  EXPECT_FALSE(lab.connection->is_closed());
  lab.pass(2s);
  EXPECT_TRUE(lab.connection->is_closed());
  const std::string& last = lab.notes.lines.back();
  EXPECT_EQ(last, "GET /x 200 0/8388608 cut: client took less than 1024 bytes a second for 60 seconds");
  EXPECT_LT(lab.receive().size(), kLarge);
}

TEST(Connection, ASlowReaderGetsEverything) {
  // 2 KiB a second would take over an hour: the pace is that of the limit's edge for a few minutes, then full.
  Lab lab{large};
  lab.send(kGet);
  std::string got;
  for (int i = 0; i < 300; ++i) {
    got += lab.receive(16 << 10);
    lab.pass(1s);
    ASSERT_FALSE(lab.connection->is_closed()) << "after " << i << " seconds";
  }
  got += lab.receive();
  EXPECT_EQ(body_of(got), *std::get<Body::Memory>(large({}).body.pieces()[0]).text);
  EXPECT_EQ(lab.notes.lines.front(), "progress below the end of 8388608");
  EXPECT_EQ(lab.notes.lines.back(), "progress below the end of 8388608");
  lab.pass(1s);
  EXPECT_EQ(lab.notes.lines.back(), "GET /x 200 8388608/8388608");
  EXPECT_EQ(lab.exchange("HEAD / HTTP/1.0\r\n\r\n").substr(0, 15), "HTTP/1.1 200 OK");
}

TEST(Connection, NothingIsReadWhileAnAnswerIsSent) {
  Lab lab{large};
  lab.send(kGet);
  lab.turn();
  std::size_t sent = 0;
  std::string requests;
  for (int i = 0; i < 1000; ++i) requests += kGet;
  ssize_t got = 0;
  while ((got = ::send(lab.client.get(), requests.data(), requests.size(), MSG_NOSIGNAL)) > 0) {
    sent += static_cast<std::size_t>(got);
    lab.turn();
    ASSERT_LT(sent, 16U << 20);
  }
  EXPECT_EQ(lab.notes.lines.size(), 0U);
}

TEST(Connection, AClientThatLeavesHalfWay) {
  Lab lab{large};
  lab.send(kGet);
  lab.receive(1 << 20);
  lab.client.reset();
  lab.turn();
  EXPECT_TRUE(lab.connection->is_closed());
  ASSERT_EQ(lab.notes.lines.size(), 1U);
  EXPECT_TRUE(lab.notes.lines[0].ends_with("/8388608 cut: client closed the connection")) << lab.notes.lines[0];
}

// Bodies.

std::shared_ptr<const UniqueFd> make_file(const std::filesystem::path& path, std::string_view text) {
  write_file(path, text);
  return std::make_shared<const UniqueFd>(open_file(path));
}

TEST(Connection, PiecesOfMemoryAndFilesOfEverySize) {
  const TempDir directory;
  std::string text(300'000, '\0');
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(i * 31 / 7);
  const auto file = make_file(directory.path() / "file", text);
  Body body;
  std::string expected;
  for (const std::size_t size : {1, 32767, 32768, 32769, 5, 100'000, 65536, 1, 200'000}) {
    body.append(text.substr(size / 2, size));
    body.append(file, size / 3, size);
    expected += text.substr(size / 2, size) + text.substr(size / 3, size);
  }
  Lab lab{[&body](const Request&) {
    Response response;
    response.body = body;
    response.etag = "\"x\"";
    return response;
  }};
  EXPECT_EQ(body_of(lab.exchange(kGet)), expected);
  EXPECT_EQ(body_of(lab.exchange("GET / HTTP/1.1\r\nHost: h\r\nRange: bytes=30000-500000\r\n\r\n")),
            expected.substr(30000, 470001));
}

TEST(Connection, AFileThatShrinksCutsTheConnection) {
  for (const std::size_t size : {std::size_t{10'000}, std::size_t{4'000'000}}) {
    const TempDir directory;
    const auto file = make_file(directory.path() / "file", std::string(size, 'x'));
    Lab lab{[&](const Request&) {
      EXPECT_EQ(::truncate((directory.path() / "file").c_str(), static_cast<off_t>(size / 2)), 0);
      Response response;
      response.body.append(file, 0, size);
      return response;
    }};
    const std::string got = lab.exchange(kGet);
    EXPECT_TRUE(lab.at_end);
    EXPECT_LE(got.size(), size / 2 + 200);
    EXPECT_EQ(std::string_view{got}.substr(got.size() > 200 ? 200 : got.size()).find_first_not_of('x'),
              std::string_view::npos);
    ASSERT_EQ(lab.notes.lines.size(), 1U);
    EXPECT_TRUE(lab.notes.lines[0].ends_with("cut: a file became shorter while it was sent")) << lab.notes.lines[0];
  }
}

/// procfs has no sendfile since Linux 6.5, and its files tell no size.
TEST(Connection, AFileSystemWithoutSendfile) {
  const std::string text = read_file("/proc/kallsyms").substr(0, 200'000);
  if (text.size() < 200'000) GTEST_SKIP() << "/proc/kallsyms is too small here";
  const auto file = std::make_shared<const UniqueFd>(open_file("/proc/kallsyms"));
  Lab lab{[&](const Request&) {
    Response response;
    response.body.append(file, 0, 200'000);
    return response;
  }};
  EXPECT_EQ(body_of(lab.exchange(kGet)), text);
}

TEST(Connection, WhatCannotBeReadCutsTheConnection) {
  const auto directory = std::make_shared<const UniqueFd>(::open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  Lab lab{[&](const Request&) {
    Response response;
    response.body.append(directory, 0, 100'000);
    return response;
  }};
  EXPECT_EQ(body_of(lab.exchange(kGet)), "");
  EXPECT_TRUE(lab.at_end);
}

// Channels.

TEST(Connection, AChannelInChunks) {
  auto channel = std::make_shared<Channel>();
  Lab lab{[&](const Request& request) {
    if (request.path == "/after") return hello(request);
    Response response;
    response.add("Content-Type", "text/event-stream");
    response.channel = channel;
    return response;
  }};
  EXPECT_EQ(lab.exchange(kGet),
            "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Type: text/event-stream\r\n"
            "Transfer-Encoding: chunked\r\n\r\n");
  lab.pass(120s);  // an event stream may be silent for long
  EXPECT_TRUE(channel->send_event("machine", "a\nb"));
  EXPECT_EQ(lab.receive(), "20\r\nevent: machine\ndata: a\ndata: b\n\n\r\n");
  EXPECT_TRUE(channel->send("x"));
  channel->end();
  EXPECT_EQ(lab.receive(), "1\r\nx\r\n0\r\n\r\n");
  EXPECT_FALSE(channel->send("y"));
  EXPECT_EQ(lab.exchange("GET /after HTTP/1.1\r\nHost: h\r\n\r\n"), ok("hello /after\n"));
}

TEST(Connection, AChannelForAnOldClientEndsWithTheConnection) {
  auto channel = std::make_shared<Channel>();
  channel->send("early ");
  Lab lab{[&](const Request&) {
    Response response;
    response.channel = channel;
    return response;
  }};
  EXPECT_EQ(body_of(lab.exchange("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")), "early ");
  channel->send("late");
  channel->end();
  EXPECT_EQ(lab.receive(), "late");
  EXPECT_TRUE(lab.at_end);
}

TEST(Connection, AChannelKnowsThatItsClientLeft) {
  auto channel = std::make_shared<Channel>();
  Lab lab{[&](const Request&) {
    Response response;
    response.channel = channel;
    return response;
  }};
  lab.exchange(kGet);
  EXPECT_TRUE(channel->is_open());
  lab.client.reset();
  lab.turn();
  EXPECT_FALSE(channel->is_open());
  EXPECT_FALSE(channel->send("x"));
  EXPECT_TRUE(lab.connection->is_closed());
}

TEST(Connection, AChannelGivesUpAClientThatDoesNotRead) {
  auto channel = std::make_shared<Channel>();
  Lab lab{[&](const Request&) {
    Response response;
    response.channel = channel;
    return response;
  }};
  lab.exchange(kGet);
  const std::string text(100'000, 'x');
  int sent = 0;
  while (channel->send(text)) {
    lab.turn();
    ASSERT_LT(++sent, 100);
  }
  lab.pass(1s);
  EXPECT_TRUE(lab.connection->is_closed());
  EXPECT_TRUE(lab.notes.lines.back().ends_with("cut: client was too far behind")) << lab.notes.lines.back();
}

TEST(Connection, DrainsAfterTheAnswer) {
  Lab lab{large};
  lab.send(kGet);
  lab.receive(1 << 20);
  lab.service.draining = true;
  lab.connection->drain();
  EXPECT_FALSE(lab.connection->is_closed());
  lab.receive();
  EXPECT_TRUE(lab.at_end);

  Lab idle{hello};
  idle.exchange(kGet);
  idle.connection->drain();
  EXPECT_TRUE(idle.connection->is_closed());
}

}  // namespace
}  // namespace kiln::http
