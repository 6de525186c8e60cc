#include "net/http_client.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <thread>

#include "base/unique_fd.h"
#include "net/address.h"

namespace guest {
namespace {

/// Answers one connection on loopback with given bytes; what it received is kept.
class OneShotServer {
 public:
  OneShotServer(std::string reply, bool then_close) : reply_(std::move(reply)), then_close_(then_close) {
    listener_ = UniqueFd{::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    Address address;
    parse_address("::1", 0, address);
    EXPECT_EQ(::bind(listener_.get(), address.get(), address.size), 0);
    EXPECT_EQ(::listen(listener_.get(), 1), 0);
    sockaddr_in6 bound{};
    socklen_t size = sizeof bound;
    ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&bound), &size);
    port_ = ntohs(bound.sin6_port);
    thread_ = std::thread{[this] { serve(); }};
  }
  ~OneShotServer() {
    client_.reset();
    thread_.join();
  }
  Url url(const std::string& path) const { return {"::1", port_, path}; }
  const std::string& received() {
    if (thread_.joinable()) thread_.join();
    thread_ = std::thread{[] {}};
    return received_;
  }

 private:
  void serve() {
    client_ = UniqueFd{::accept(listener_.get(), nullptr, nullptr)};
    char chunk[4096];
    while (received_.find("\r\n\r\n") == std::string::npos) {
      ssize_t got = ::read(client_.get(), chunk, sizeof chunk);
      if (got <= 0) break;
      received_.append(chunk, static_cast<std::size_t>(got));
    }
    EXPECT_EQ(::write(client_.get(), reply_.data(), reply_.size()), static_cast<ssize_t>(reply_.size()));
    if (then_close_) client_.reset();
  }

  std::string reply_;
  bool then_close_;
  UniqueFd listener_;
  UniqueFd client_;
  std::uint16_t port_ = 0;
  std::string received_;
  std::thread thread_;
};

HttpLimits within(Milliseconds limit) { return {since_boot() + limit, 1000, false}; }

TEST(HttpClient, GetsOverIpv6) {
  OneShotServer server{"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", false};
  HttpRequest request{"GET", server.url("/x"), {"A: b"}, ""};
  HttpResponse response;
  EXPECT_EQ(http_exchange(request, within(Milliseconds{5000}), response), "");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, "ok");
  EXPECT_EQ(server.received().substr(0, 17), "GET /x HTTP/1.1\r\n");
}

TEST(HttpClient, SilentServerCostsTheTimeGiven) {
  OneShotServer server{"HTTP/1.1 200 OK\r\n", false};
  HttpRequest request{"GET", server.url("/"), {}, ""};
  HttpResponse response;
  Microseconds begin = since_boot();
  std::string problem = http_exchange(request, within(Milliseconds{150}), response);
  EXPECT_EQ(problem, "talking to " + server.url("").authority() + ": Connection timed out");
  EXPECT_LT(since_boot() - begin, Milliseconds{2000});
}

TEST(HttpClient, NobodyThere) {
  HttpRequest request{"GET", {"127.0.0.1", 1, "/"}, {}, ""};
  HttpResponse response;
  EXPECT_EQ(http_exchange(request, within(Milliseconds{1000}), response),
            "connecting to 127.0.0.1:1: Connection refused");
}

}  // namespace
}  // namespace guest
