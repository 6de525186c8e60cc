#include "netboot/dhcp/server.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/error.h"
#include "base/event_loop.h"
#include "base/unique_fd.h"
#include "netboot/dhcp/packet.h"

namespace kiln::dhcp {
namespace {

using namespace std::chrono_literals;

struct Recorder : Observer {
  void on_event(const Event& event) override { log.push_back(event.describe()); }
  void on_trouble(std::string_view message) override { log.emplace_back(message); }
  std::vector<std::string> log;
};

UniqueFd udp_socket(std::uint16_t port) {
  UniqueFd fd{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  sockaddr_in local{};
  local.sin_family = AF_INET;
  local.sin_port = htons(port);
  if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&local), sizeof local) != 0) return {};
  return fd;
}

std::uint16_t port_of(const UniqueFd& fd) {
  sockaddr_in local{};
  socklen_t size = sizeof local;
  ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&local), &size);
  return ntohs(local.sin_port);
}

std::uint16_t free_port() { return port_of(udp_socket(0)); }

void send(const UniqueFd& fd, std::uint16_t port, const std::string& datagram) {
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  to.sin_port = htons(port);
  ASSERT_GT(::sendto(fd.get(), datagram.data(), datagram.size(), 0, reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
}

class DhcpServer : public testing::Test {
 protected:
  void SetUp() override {
    client_ = udp_socket(0);
    options_.interface = "lo";
    options_.server_port = free_port();
    options_.boot_server_port = free_port();
    options_.client_port = port_of(client_);
    try {
      start();
    } catch (const SysError& error) {
      if (error.error_number() == EPERM) GTEST_SKIP() << "binding to an interface is not permitted here";
      throw;
    }
  }
  void start() {
    server_ = std::make_unique<Server>(
        loop_, options_,
        [](const Client&) -> BootChoice {
          return BootFile{"ipxe.efi", {}};
        },
        recorder_);
  }
  Packet request(MessageType type) {
    Packet packet;
    packet.hardware = *HardwareAddress::parse("52:54:00:12:34:56");
    packet.client = *Ipv4Address::parse("127.0.0.1");  // so that the answer comes here
    packet.set_u8(Option::message_type, static_cast<std::uint8_t>(type));
    packet.set(Option::vendor_class, "PXEClient");
    return packet;
  }
  std::optional<Packet> receive() {
    for (int i = 0; i < 100; ++i) {
      loop_.run_once(10ms);
      std::string datagram(2000, '\0');
      const ssize_t got = ::recv(client_.get(), datagram.data(), datagram.size(), 0);
      if (got > 0) return Packet::parse(as_bytes(std::string_view{datagram}.substr(0, static_cast<std::size_t>(got))));
    }
    return std::nullopt;
  }

  SteadyClock clock_;
  EventLoop loop_{clock_};
  Recorder recorder_;
  UniqueFd client_;
  ServerOptions options_;
  std::unique_ptr<Server> server_;
};

TEST_F(DhcpServer, AnswersOnBothPorts) {
  EXPECT_EQ(server_->address().to_string(), "127.0.0.1");
  send(client_, options_.server_port, request(MessageType::discover).serialize());
  const auto offer = receive();
  ASSERT_TRUE(offer) << testing::PrintToString(recorder_.log);
  EXPECT_EQ(offer->message_type(), MessageType::offer);
  EXPECT_EQ(offer->file, "ipxe.efi");
  EXPECT_EQ(offer->next_server.to_string(), "127.0.0.1");

  send(client_, options_.boot_server_port, request(MessageType::request).serialize());
  const auto ack = receive();
  ASSERT_TRUE(ack) << testing::PrintToString(recorder_.log);
  EXPECT_EQ(ack->message_type(), MessageType::ack);
  EXPECT_THAT(recorder_.log,
              testing::ElementsAre("DHCPDISCOVER from 52:54:00:12:34:56 (PXE): offered 'ipxe.efi' from 127.0.0.1",
                                   "DHCPREQUEST from 52:54:00:12:34:56 (PXE) on port 4011: acknowledged 'ipxe.efi' "
                                   "from 127.0.0.1"));
}

TEST_F(DhcpServer, LivesOnAfterNonsense) {
  send(client_, options_.server_port, "nonsense");
  for (int i = 0; i < 10 && recorder_.log.empty(); ++i) loop_.run_once(10ms);
  EXPECT_THAT(recorder_.log, testing::ElementsAre("datagram from 127.0.0.1 on UDP port 67: datagram of 8 bytes; a DHCP "
                                                  "message has at least 240"));
  send(client_, options_.server_port, request(MessageType::discover).serialize());
  EXPECT_TRUE(receive());
}

TEST_F(DhcpServer, TellsWhoHasThePort) {
  const auto message = [&] {
    try {
      Server second{loop_, options_, [](const Client&) { return NoBoot{}; }, recorder_};
      return std::string{"took a port that is taken"};
    } catch (const Error& error) {
      return error.message();
    }
  };
  EXPECT_EQ(message(), concat("UDP port ", options_.server_port, " is taken by dhcp_test (pid ", ::getpid(), ")"));
}

TEST(DhcpInterface, MustExistAndHaveAnAddress) {
  try {
    interface_address("nosuch0");
    FAIL() << "was found";
  } catch (const Error& error) {
    EXPECT_EQ(error.message(), "network interface 'nosuch0' does not exist");
    EXPECT_THAT(error.hint(), testing::HasSubstr("lo (127.0.0.1)"));
  }
  EXPECT_EQ(interface_address("lo").netmask.to_string(), "255.0.0.0");
}

}  // namespace
}  // namespace kiln::dhcp
