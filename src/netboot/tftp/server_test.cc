#include "netboot/tftp/server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <cstring>
#include <fstream>

#include "base/error.h"
#include "base/event_loop.h"

namespace kiln::tftp {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;

std::string sample(std::size_t size) {
  std::string text(size, '\0');
  std::uint32_t state = 1;
  for (char& c : text) c = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
  return text;
}

struct Recorder : Observer {
  void on_start(const TransferStatus& transfer) override { log.push_back("start " + transfer.file); }
  void on_end(const TransferStatus& transfer, Ending ending, std::string_view reason) override {
    static constexpr const char* kEndings[] = {"complete", "size_only", "unconfirmed", "aborted", "silent", "failed"};
    log.push_back(concat("end ", transfer.file, " ", kEndings[static_cast<int>(ending)], " ", transfer.acknowledged,
                         "/", transfer.size, reason.empty() ? "" : ": ", reason));
  }
  void on_refused(const Peer&, std::string_view file, std::string_view reason) override {
    log.push_back(concat("refused ", file, ": ", reason));
  }
  void on_trouble(std::string_view message) override { log.emplace_back(message); }
  std::vector<std::string> log;
};

/// A client's socket, by which the test says exactly what it wants. Follows the server to the port it answers from.
class ClientSocket {
 public:
  explicit ClientSocket(std::uint16_t port, int family = AF_INET)
      : fd_{::socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0)} {
    if (family == AF_INET6) {
      sockaddr_in6 to{};
      to.sin6_family = AF_INET6;
      to.sin6_addr = in6addr_loopback;
      to.sin6_port = htons(port);
      std::memcpy(&to_, &to, sizeof to);
    } else {
      sockaddr_in to{};
      to.sin_family = AF_INET;
      to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      to.sin_port = htons(port);
      std::memcpy(&to_, &to, sizeof to);
    }
  }
  void send(const std::string& datagram) {
    const auto size = static_cast<socklen_t>(to_.ss_family == AF_INET6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in));
    ASSERT_GT(::sendto(fd_.get(), datagram.data(), datagram.size(), 0, reinterpret_cast<sockaddr*>(&to_), size), 0);
  }
  /// The next datagram, while the server runs; "" if none comes.
  std::string receive(EventLoop& loop) {
    for (int i = 0; i < 200; ++i) {
      std::string datagram(70000, '\0');
      socklen_t size = sizeof to_;
      const ssize_t got = ::recvfrom(fd_.get(), datagram.data(), datagram.size(), MSG_DONTWAIT,
                                     reinterpret_cast<sockaddr*>(&to_), &size);
      if (got >= 0) return datagram.substr(0, static_cast<std::size_t>(got));
      loop.run_once(10ms);
    }
    return "";
  }

 private:
  UniqueFd fd_;
  sockaddr_storage to_{};
};

std::string acknowledge(std::uint64_t block) { return {0, 4, static_cast<char>(block >> 8), static_cast<char>(block)}; }

class TftpServer : public testing::Test {
 protected:
  TftpServer() { options_.address = "127.0.0.1"; }

  void start() {
    options_.port = 0;
    server_ = std::make_unique<Server>(
        loop_, options_, [this](std::string_view name, const Peer&) { return find(name); }, recorder_);
  }
  std::variant<File, NoFile> find(std::string_view name) {
    if (name == "broken") throw Error{"the store is damaged"};
    const auto found = files_.find(std::string{name});
    if (found == files_.end()) return NoFile{name == "old" ? "old was removed" : ""};
    return found->second;
  }
  void add(const std::string& name, std::string content) {
    files_.emplace(name, File{std::make_shared<const std::string>(std::move(content))});
  }

  /// Asks for a file and takes it all, acknowledging every `window` blocks.
  std::string fetch(ClientSocket& client, const std::string& request, std::size_t block_size, std::size_t window) {
    client.send(request);
    std::string content;
    std::uint64_t expected = 1;
    for (;;) {
      const std::string datagram = client.receive(loop_);
      if (datagram.size() < 4) return "stopped after " + std::to_string(content.size());
      if (datagram[1] == 6) {
        client.send(acknowledge(0));
        continue;
      }
      if (datagram[1] != 3) return "got " + datagram;
      const auto block = static_cast<std::uint16_t>(static_cast<unsigned char>(datagram[2]) << 8 |
                                                    static_cast<unsigned char>(datagram[3]));
      if (block != static_cast<std::uint16_t>(expected)) return "block " + std::to_string(block);
      content += datagram.substr(4);
      const bool last = datagram.size() < 4 + block_size;
      if (last || expected % window == 0) client.send(acknowledge(expected));
      ++expected;
      if (!last) continue;
      for (int i = 0; i < 100 && server_->transfers() > 0; ++i) loop_.run_once(10ms);
      return content;
    }
  }

  SteadyClock clock_;
  EventLoop loop_{clock_};
  Recorder recorder_;
  ServerOptions options_;
  std::map<std::string, File> files_;
  std::unique_ptr<Server> server_;
};

TEST_F(TftpServer, SendsAFileInBlocksOf512) {
  start();
  add("boot/a", sample(100'000));
  ClientSocket client{server_->port()};
  EXPECT_EQ(fetch(client, "\0\1/boot/a\0octet\0"s, 512, 1), sample(100'000));
  EXPECT_THAT(recorder_.log, testing::ElementsAre("start boot/a", "end boot/a complete 100000/100000"));
  EXPECT_EQ(server_->transfers(), 0U);
}

TEST_F(TftpServer, SendsEverySizeAtTheEdges) {
  start();
  for (const std::size_t size : {0U, 1U, 511U, 512U, 513U, 1024U}) add(std::to_string(size), sample(size));
  for (const std::size_t size : {0U, 1U, 511U, 512U, 513U, 1024U}) {
    ClientSocket client{server_->port()};
    EXPECT_EQ(fetch(client, "\0\1"s + std::to_string(size) + "\0octet\0"s, 512, 1), sample(size)) << size;
  }
}

TEST_F(TftpServer, SendsWindowsOfLargeBlocks) {
  start();
  add("a", sample(5'000'000));
  ClientSocket client{server_->port()};
  EXPECT_EQ(fetch(client, "\0\1a\0octet\0blksize\0001468\0windowsize\00016\0"s, 1468, 16), sample(5'000'000));
}

TEST_F(TftpServer, SendsARangeOfAFile) {
  const std::string path = testing::TempDir() + "tftp-range";
  std::ofstream{path} << "before" << sample(300'000) << "behind";
  start();
  auto fd = std::make_shared<const UniqueFd>(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  files_.emplace("a", File{fd, 6, 300'000});
  ClientSocket client{server_->port()};
  EXPECT_EQ(fetch(client, "\0\1a\0octet\0blksize\0001000\0windowsize\0007\0"s, 1000, 7), sample(300'000));
  ::unlink(path.c_str());
}

TEST_F(TftpServer, SaysSoIfTheFileHasBecomeShorter) {
  const std::string path = testing::TempDir() + "tftp-short";
  std::ofstream{path} << sample(40'000);
  start();
  auto fd = std::make_shared<const UniqueFd>(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  files_.emplace("a", File{fd, 0, 60'000});
  ClientSocket client{server_->port()};
  EXPECT_EQ(fetch(client, "\0\1a\0octet\0"s, 512, 1), "got \0\5\0\0the file has become shorter while it was sent\0"s);
  EXPECT_THAT(recorder_.log,
              testing::Contains("end a failed 32768/60000: the file has become shorter while it was sent"));
  EXPECT_EQ(server_->transfers(), 0U);
  ::unlink(path.c_str());
}

TEST_F(TftpServer, OffersNoBlockThatWouldBeFragmented) {
  start();
  add("a", sample(10));
  ClientSocket client{server_->port()};
  client.send("\0\1a\0octet\0blksize\00065464\0"s);
  EXPECT_EQ(client.receive(loop_), "\0\6blksize\00065464\0"s) << "loopback has an MTU of 65536";
}

TEST_F(TftpServer, LimitsWhatItAgreesTo) {
  options_.block_size = 1024;
  options_.window_size = 8;
  start();
  add("a", sample(10));
  ClientSocket client{server_->port()};
  client.send("\0\1a\0octet\0tsize\0000\0blksize\0001468\0windowsize\00064\0"s);
  EXPECT_EQ(client.receive(loop_), "\0\6tsize\00010\0blksize\0001024\0windowsize\0008\0"s);
  client.send("\0\5\0\10no more\0"s);
  for (int i = 0; i < 100 && server_->transfers() > 0; ++i) loop_.run_once(10ms);
  EXPECT_THAT(recorder_.log, testing::ElementsAre("start a", "end a size_only 0/10"));
}

TEST_F(TftpServer, TellsWhyAClientAborted) {
  start();
  add("a", sample(10'000));
  ClientSocket client{server_->port()};
  client.send("\0\1a\0octet\0"s);
  client.receive(loop_);
  client.send("\0\5\0\3disk\x1B full\0"s);
  for (int i = 0; i < 100 && server_->transfers() > 0; ++i) loop_.run_once(10ms);
  EXPECT_THAT(recorder_.log,
              testing::ElementsAre("start a", R"(end a aborted 0/10000: client: error 3: 'disk\x1b full')"));
}

TEST_F(TftpServer, NoticesThatAClientHasGone) {
  start();
  add("a", sample(10'000));
  {
    ClientSocket client{server_->port()};
    client.send("\0\1a\0octet\0"s);
    client.receive(loop_);
  }
  for (int i = 0; i < 300 && server_->transfers() > 0; ++i) loop_.run_once(10ms);
  EXPECT_THAT(recorder_.log, testing::ElementsAre("start a", "end a silent 0/10000: the client has closed its port"));
}

// Block 2 meets a closed port, and the kernel tells that before the acknowledgement that came earlier.
TEST_F(TftpServer, HearsTheLastAcknowledgementOfAClientThatIsGone) {
  start();
  add("a", sample(600));
  {
    ClientSocket client{server_->port()};
    client.send("\0\1a\0octet\0"s);
    client.receive(loop_);
    client.send(acknowledge(1));
    client.send(acknowledge(2));
  }
  for (int i = 0; i < 300 && server_->transfers() > 0; ++i) loop_.run_once(10ms);
  EXPECT_THAT(recorder_.log, testing::ElementsAre("start a", "end a complete 600/600"));
}

TEST_F(TftpServer, RepeatsWhatWasNotAcknowledged) {
  start();
  add("a", sample(600));
  ClientSocket client{server_->port()};
  client.send("\0\1a\0octet\0"s);
  const std::string first = client.receive(loop_);
  client.send("\0\1a\0octet\0"s);  // to the transfer's port, where it means nothing
  EXPECT_EQ(client.receive(loop_), first);
  client.send(acknowledge(1));
  EXPECT_EQ(client.receive(loop_).substr(4), sample(600).substr(512));
}

TEST_F(TftpServer, BeginsAnewForARequestFromTheSamePort) {
  start();
  add("a", sample(10));
  add("b", sample(20));
  ClientSocket client{server_->port()};
  client.send("\0\1a\0octet\0"s);
  client.send("\0\1a\0octet\0"s);
  client.send("\0\1b\0octet\0"s);
  EXPECT_EQ(client.receive(loop_).substr(4), sample(10));
  EXPECT_EQ(client.receive(loop_).substr(4), sample(20));
  EXPECT_THAT(recorder_.log, testing::ElementsAre("start a", "end a aborted 0/10: the client began anew", "start b"));
}

TEST_F(TftpServer, ServesIpv6AndIpv4OnOneSocket) {
  options_.address.clear();
  start();
  add("a", sample(1000));
  for (const int family : {AF_INET, AF_INET6}) {
    ClientSocket client{server_->port(), family};
    EXPECT_EQ(fetch(client, "\0\1a\0octet\0blksize\000100\0windowsize\0004\0"s, 100, 4), sample(1000)) << family;
  }
}

TEST_F(TftpServer, LimitsTransfersOfOneAddress) {
  options_.per_peer = 2;
  start();
  add("a", sample(1000));
  ClientSocket one{server_->port()}, two{server_->port()}, three{server_->port()};
  one.send("\0\1a\0octet\0"s);
  one.receive(loop_);
  two.send("\0\1a\0octet\0"s);
  two.receive(loop_);
  three.send("\0\1a\0octet\0"s);
  EXPECT_EQ(three.receive(loop_), "\0\5\0\0this address has 2 transfers already\0"s);
}

TEST_F(TftpServer, LeavesRequestsUnansweredWhenItIsFull) {
  options_.transfers = 1;
  start();
  add("a", sample(1000));
  ClientSocket one{server_->port()}, two{server_->port()};
  one.send("\0\1a\0octet\0"s);
  one.receive(loop_);
  two.send("\0\1a\0octet\0"s);
  for (int i = 0; i < 5; ++i) loop_.run_once(10ms);
  EXPECT_THAT(recorder_.log, testing::ElementsAre("start a", "refused a: all 1 transfers are in use"));
}

struct RefusedCase {
  const char* name;
  std::string request;
  std::string answer;
  std::string log;
};

class TftpRefusal : public TftpServer, public testing::WithParamInterface<RefusedCase> {};

TEST_P(TftpRefusal, IsExplained) {
  start();
  ClientSocket client{server_->port()};
  client.send(GetParam().request);
  EXPECT_EQ(client.receive(loop_), GetParam().answer);
  EXPECT_THAT(recorder_.log, testing::ElementsAre(GetParam().log));
}

INSTANTIATE_TEST_SUITE_P(
    Tftp, TftpRefusal,
    testing::Values(
        RefusedCase{"Missing", "\0\1/x/y\0octet\0"s, "\0\5\0\1no such file\0"s, "refused x/y: no such file"},
        RefusedCase{"MissingForAReason", "\0\1old\0octet\0"s, "\0\5\0\1old was removed\0"s,
                    "refused old: old was removed"},
        RefusedCase{"Failing", "\0\1broken\0octet\0"s, "\0\5\0\0the store is damaged\0"s,
                    "refused broken: the store is damaged"},
        RefusedCase{"Write", "\0\2x\0octet\0"s, "\0\5\0\2files can only be read here\0"s,
                    "refused x: files can only be read here"},
        RefusedCase{"Netascii", "\0\1x\0netascii\0"s, "\0\5\0\4mode 'netascii' is not served, only octet (binary)\0"s,
                    "refused x: mode 'netascii' is not served, only octet (binary)"},
        RefusedCase{"Escape", "\0\1../../etc/passwd\0octet\0"s, "\0\5\0\2the name '../../etc/passwd' is not allowed\0"s,
                    "refused ../../etc/passwd: the name '../../etc/passwd' is not allowed"}),
    [](const auto& row) { return std::string{row.param.name}; });

TEST_F(TftpServer, IgnoresWhatIsNoRequest) {
  start();
  ClientSocket client{server_->port()};
  client.send(acknowledge(1));
  for (int i = 0; i < 5; ++i) loop_.run_once(10ms);
  ASSERT_EQ(recorder_.log.size(), 1U);
  EXPECT_THAT(recorder_.log[0],
              testing::MatchesRegex("TFTP: datagram from 127.0.0.1:[0-9]+: expected a request .opcode 1 "
                                    "or 2., got opcode 4"));
}

TEST_F(TftpServer, TellsWhoHasThePort) {
  start();
  ServerOptions again = options_;
  again.port = server_->port();
  try {
    Server second{loop_, again, [](std::string_view, const Peer&) { return NoFile{}; }, recorder_};
    FAIL() << "took a port that is taken";
  } catch (const Error& error) {
    EXPECT_EQ(error.message(), concat("UDP port ", server_->port(), " is taken by tftp_test (pid ", ::getpid(), ")"));
  }
}

TEST_F(TftpServer, RefusesAnAddressThatIsNone) {
  options_.address = "localhost";
  try {
    start();
    FAIL() << "was accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.message(), "TFTP address 'localhost': expected an IPv4 or IPv6 address");
  }
}

}  // namespace
}  // namespace kiln::tftp
