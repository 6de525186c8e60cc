#include "http/server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>

#include "base/error.h"
#include "base/event_loop.h"
#include "base/file.h"
#include "http/endpoint.h"
#include "http/local_addresses.h"

namespace kiln::http {
namespace {

using namespace std::chrono_literals;

struct Notes final : Observer {
  std::vector<std::string> responses;
  std::vector<std::string> troubles;
  void on_response(const Transfer& transfer, std::string_view cut) override {
    responses.push_back(concat(transfer.request.target, " ", transfer.status, " ", cut));
    sent = transfer.sent;
  }
  void on_trouble(std::string_view message) override { troubles.emplace_back(message); }
  std::uint64_t sent = 0;
};

ServerOptions options_for(Endpoint endpoint, Limits limits = {}) {
  ServerOptions options;
  options.listen = {std::move(endpoint)};
  options.limits = limits;
  return options;
}

UniqueFd connect_to(std::uint16_t port) {
  UniqueFd socket{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  return socket;
}

struct Lab {
  explicit Lab(Handler handler, Limits limits = {}, Endpoint endpoint = {"127.0.0.1", 0})
      : server{loop, options_for(std::move(endpoint), limits), std::move(handler), notes} {}

  void turn(std::chrono::nanoseconds time = 50ms) {
    const auto end = clock.now() + time;
    while (clock.now() < end) loop.run_once(end - clock.now());
  }
  UniqueFd connect() { return connect_to(server.endpoints().front().port); }
  static void send(const UniqueFd& socket, std::string_view bytes) {
    EXPECT_EQ(::send(socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
  }
  /// Turns until something comes, for seconds on a busy machine; and until that is all.
  std::string await(const UniqueFd& socket) {
    std::string text;
    for (int i = 0; i < 250 && text.empty(); ++i) {
      turn(20ms);
      text = receive(socket);
    }
    turn(20ms);
    return text + receive(socket);
  }
  void await(const std::function<bool()>& condition) {
    for (int i = 0; i < 250 && !condition(); ++i) turn(20ms);
  }
  /// What has come so far.
  static std::string receive(const UniqueFd& socket) {
    std::string text(1 << 20, '\0');
    const ssize_t got = ::recv(socket.get(), text.data(), text.size(), MSG_DONTWAIT);
    text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return text;
  }

  SteadyClock clock;
  EventLoop loop{clock};
  Notes notes;
  Server server;
};

constexpr std::string_view kGet = "GET /x HTTP/1.1\r\nHost: h\r\n\r\n";

Response hello(const Request& request) {
  return Response::text(200, concat(request.peer.host, " to ", request.local.host, "\n"));
}

TEST(Server, AnswersOverTcp) {
  Lab lab{hello};
  const UniqueFd client = lab.connect();
  Lab::send(client, kGet);
  EXPECT_TRUE(lab.await(client).ends_with("\r\n\r\n127.0.0.1 to 127.0.0.1\n"));
  EXPECT_EQ(lab.server.connections(), 1U);
}

TEST(Server, ListensOnBothFamiliesWithoutAHost) {
  Lab lab{hello, {}, {"", 0}};
  ASSERT_EQ(lab.server.endpoints().size(), 1U);
  const UniqueFd client = lab.connect();
  Lab::send(client, kGet);
  EXPECT_TRUE(lab.await(client).ends_with("\r\n\r\n127.0.0.1 to 127.0.0.1\n"));  // not ::ffff:127.0.0.1
}

TEST(Server, SaysWhyItCannotListen) {
  Lab lab{hello};
  const std::uint16_t port = lab.server.endpoints().front().port;
  try {
    const Server second{lab.loop, options_for({"127.0.0.1", port}), hello, lab.notes};
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.message(), concat("listening on 127.0.0.1:", port, ": Address already in use"));
    EXPECT_EQ(error.hint(), "another program listens there; end it or choose another port");
  }
  EXPECT_THROW((Server{lab.loop, options_for({"192.0.2.77", 0}), hello, lab.notes}), Error);
}

TEST(Server, TurnsAwayAPeerWithTooManyConnections) {
  Limits limits;
  limits.per_peer = 2;
  Lab lab{hello, limits};
  const UniqueFd first = lab.connect();
  UniqueFd second = lab.connect();
  lab.await([&] { return lab.server.connections() == 2; });
  const UniqueFd third = lab.connect();
  const std::string answer = lab.await(third);
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 503 Service Unavailable\r\n")) << answer;
  EXPECT_TRUE(answer.ends_with("\r\n\r\n503 Service Unavailable: this address has 2 connections already\n")) << answer;
  Lab::send(first, kGet);
  EXPECT_TRUE(lab.await(first).starts_with("HTTP/1.1 200"));
  ::shutdown(third.get(), SHUT_RDWR);
  second.reset();
  lab.await([&] { return lab.server.connections() == 1; });
  const UniqueFd fourth = lab.connect();
  Lab::send(fourth, kGet);
  EXPECT_TRUE(lab.await(fourth).starts_with("HTTP/1.1 200"));
}

TEST(Server, TheLongestIdleMakesRoom) {
  Limits limits;
  limits.connections = 3;
  Lab lab{hello, limits};
  std::vector<UniqueFd> clients;
  for (int i = 0; i < 5; ++i) clients.push_back(lab.connect());
  lab.turn(100ms);
  EXPECT_EQ(lab.server.connections(), 4U);  // all of them too young to go: no more are accepted for a moment
  lab.turn(1200ms);
  lab.await([&] { return lab.server.connections() == 3; });
  EXPECT_EQ(lab.server.connections(), 3U);
  char byte = 0;
  EXPECT_EQ(::recv(clients[0].get(), &byte, 1, MSG_DONTWAIT), 0);
  EXPECT_EQ(::recv(clients[1].get(), &byte, 1, MSG_DONTWAIT), 0);
  Lab::send(clients[4], kGet);
  EXPECT_TRUE(lab.await(clients[4]).starts_with("HTTP/1.1 200"));
}

/// Without descriptors it waits, and does not spin.
TEST(Server, WaitsForDescriptors) {
  Lab lab{hello};
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  std::vector<UniqueFd> clients;
  clients.push_back(lab.connect());
  clients.push_back(lab.connect());
  const UniqueFd lowest{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
  const rlimit tight{static_cast<rlim_t>(lowest.get()) + 2, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &tight), 0);
  lab.await([&] { return !lab.notes.troubles.empty(); });
  EXPECT_EQ(lab.server.connections(), 1U);
  ASSERT_EQ(lab.notes.troubles.size(), 1U);
  EXPECT_EQ(lab.notes.troubles[0], "no new connections for now: accepting a connection: Too many open files");
  int rounds = 0;
  for (const auto end = lab.clock.now() + 300ms; lab.clock.now() < end; ++rounds)
    lab.loop.run_once(end - lab.clock.now());
  EXPECT_LT(rounds, 5);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  clients[0].reset();  // one that ends lets it go on at once
  Lab::send(clients[1], kGet);
  EXPECT_TRUE(lab.await(clients[1]).starts_with("HTTP/1.1 200"));
}

/// Sent is what the client's system has acknowledged, not what ours has taken.
TEST(Server, WhatIsInTheSocketIsNotDelivered) {
  Lab lab{[](const Request&) { return Response::text(200, std::string(8 << 20, 'x')); }};
  UniqueFd client = lab.connect();
  const int small = 4096;
  ::setsockopt(client.get(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
  Lab::send(client, "GET /x HTTP/1.1\r\nHost: h\r\nRange: bytes=0-199999\r\n\r\n");
  lab.await([&] { return lab.server.transfers() == 1; });
  lab.turn(100ms);
  EXPECT_TRUE(lab.notes.responses.empty());
  client.reset();  // with unread data: a reset
  lab.await([&] { return lab.server.connections() == 0; });
  EXPECT_EQ(lab.notes.responses, (std::vector<std::string>{"/x 200 client closed the connection"}));
  EXPECT_LT(lab.notes.sent, std::uint64_t{8 << 20});
  EXPECT_EQ(lab.server.connections(), 0U);
}

TEST(Server, DrainWaitsForTransfers) {
  Lab lab{[](const Request&) { return Response::text(200, std::string(32 << 20, 'x')); }};
  const UniqueFd busy = lab.connect();
  const UniqueFd idle = lab.connect();
  Lab::send(busy, kGet);
  lab.await([&] { return lab.server.transfers() == 1 && lab.server.connections() == 2; });
  EXPECT_EQ(lab.server.transfers(), 1U);
  bool drained = false;
  lab.server.drain(10s, [&] { drained = true; });
  lab.turn();
  EXPECT_FALSE(drained);
  EXPECT_EQ(lab.server.connections(), 1U);
  std::size_t got = 0;
  for (int i = 0; i < 2000 && !drained; ++i) {
    got += Lab::receive(busy).size();
    lab.turn(1ms);
    if (got > 32U << 20) ::shutdown(busy.get(), SHUT_WR);
  }
  EXPECT_TRUE(drained);
  EXPECT_GT(got, 32U << 20);
}

TEST(Server, DrainEndsWithItsGrace) {
  Lab lab{[](const Request&) { return Response::text(200, std::string(32 << 20, 'x')); }};
  const UniqueFd busy = lab.connect();
  Lab::send(busy, kGet);
  lab.await([&] { return lab.server.transfers() == 1; });
  bool drained = false;
  lab.server.drain(100ms, [&] { drained = true; });
  lab.await([&] { return drained; });
  EXPECT_TRUE(drained);
}

TEST(Endpoint, ParsesAndPrints) {
  EXPECT_EQ(Endpoint::parse(":8080"), (Endpoint{"", 8080}));
  EXPECT_EQ(Endpoint::parse("8080"), (Endpoint{"", 8080}));
  EXPECT_EQ(Endpoint::parse("localhost:0"), (Endpoint{"localhost", 0}));
  EXPECT_EQ(Endpoint::parse("[::1]:80"), (Endpoint{"::1", 80}));
  EXPECT_EQ((Endpoint{"::1", 80}.to_string()), "[::1]:80");
  EXPECT_EQ((Endpoint{"192.0.2.1", 80}.to_string()), "192.0.2.1:80");
  for (const char* text : {"", ":", "host", "1:2:3", "host:65536", "host:-1", "::1", "[::1]"}) {
    EXPECT_THROW(Endpoint::parse(text), Error) << text;
  }
}

TEST(LocalAddresses, Urls) {
  EXPECT_EQ(urls_of({{"192.0.2.1", 8080}, {"::1", 80}}),
            (std::vector<std::string>{"http://192.0.2.1:8080/", "http://[::1]:80/"}));
  const std::vector<std::string> everywhere = urls_of({{"", 8080}});
  ASSERT_FALSE(everywhere.empty());
  EXPECT_EQ(everywhere.front(), "http://127.0.0.1:8080/");
}

}  // namespace
}  // namespace kiln::http
