// tftp_load SERVER PORT FILE CLIENTS ROUNDS BLKSIZE WINDOWSIZE
// Takes FILE over TFTP with CLIENTS downloads side by side, ROUNDS times each, and prints as JSON: bytes, seconds, its
// own processor seconds, repeats. A client that costs little, so that servers can be compared (bench/netboot_tftp).

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"

namespace {

using namespace kiln;
using Clock = std::chrono::steady_clock;

struct Plan {
  sockaddr_in server{};
  std::string file;
  int rounds = 1;
  std::size_t block_size = 512;
  unsigned window = 1;
};

constexpr std::size_t kAtOnce = 64;
std::array<std::array<char, 2048>, kAtOnce> buffers;

class Download {
 public:
  explicit Download(const Plan& plan) : plan_{plan} {}

  void start(int epoll) {
    fd_ = UniqueFd{::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    const int buffer = 4 << 20;
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = this;
    ::epoll_ctl(epoll, EPOLL_CTL_ADD, fd_.get(), &event);
    connected_ = false;
    last_ = 0;
    in_window_ = 0;
    std::string request = std::string{"\0\1", 2} + plan_.file + '\0' + "octet" + '\0';
    request += std::string{"blksize"} + '\0' + std::to_string(plan_.block_size) + '\0';
    if (plan_.window > 1) request += std::string{"windowsize"} + '\0' + std::to_string(plan_.window) + '\0';
    send(request);
  }

  /// True when the file is complete.
  bool on_readable() {
    std::array<mmsghdr, kAtOnce> messages{};
    std::array<iovec, kAtOnce> pieces{};
    sockaddr_in from{};
    for (std::size_t i = 0; i < kAtOnce; ++i) {
      pieces[i] = {buffers[i].data(), buffers[i].size()};
      messages[i].msg_hdr.msg_iov = &pieces[i];
      messages[i].msg_hdr.msg_iovlen = 1;
    }
    if (!connected_) {
      messages[0].msg_hdr.msg_name = &from;
      messages[0].msg_hdr.msg_namelen = sizeof from;
    }
    const int got = ::recvmmsg(fd_.get(), messages.data(), connected_ ? kAtOnce : 1, MSG_DONTWAIT, nullptr);
    if (got > 0 && !connected_) {
      connected_ = ::connect(fd_.get(), reinterpret_cast<sockaddr*>(&from), sizeof from) == 0;
    }
    for (int i = 0; i < got; ++i) {
      if (on_packet(buffers[static_cast<std::size_t>(i)].data(), messages[static_cast<std::size_t>(i)].msg_len))
        return true;
    }
    return false;
  }

  bool repeat_if_late(Clock::time_point now) {
    if (now - sent_at_ < std::chrono::milliseconds{300}) return false;
    send(std::string{packet_});
    return true;
  }

  std::size_t bytes = 0;

 private:
  bool on_packet(const char* data, std::size_t size) {
    if (size < 4) return false;
    if (data[1] == 5) {
      std::fprintf(stderr, "error of the server: %.*s\n", static_cast<int>(size - 4), data + 4);
      std::exit(1);
    }
    if (data[1] == 6) {
      acknowledge();
      return false;
    }
    const auto block =
        static_cast<std::uint16_t>(static_cast<unsigned char>(data[2]) << 8 | static_cast<unsigned char>(data[3]));
    if (block != static_cast<std::uint16_t>(last_ + 1)) {
      if (!told_gap_ && plan_.window > 1) acknowledge();
      told_gap_ = true;
      return false;
    }
    told_gap_ = false;
    ++last_;
    bytes += size - 4;
    const bool end = size - 4 < plan_.block_size;
    if (++in_window_ >= plan_.window || end) acknowledge();
    return end;
  }

  void acknowledge() {
    in_window_ = 0;
    send({0, 4, static_cast<char>(last_ >> 8), static_cast<char>(last_)});
  }

  void send(std::string packet) {
    sent_at_ = Clock::now();
    packet_ = std::move(packet);
    const auto* to = reinterpret_cast<const sockaddr*>(&plan_.server);
    const ssize_t sent = connected_ ? ::send(fd_.get(), packet_.data(), packet_.size(), 0)
                                    : ::sendto(fd_.get(), packet_.data(), packet_.size(), 0, to, sizeof plan_.server);
    if (sent < 0 && errno != EAGAIN && errno != ENOBUFS) std::perror("sending");
  }

  const Plan& plan_;
  UniqueFd fd_;
  bool connected_ = false;
  bool told_gap_ = false;
  std::uint64_t last_ = 0;
  unsigned in_window_ = 0;
  std::string packet_;
  Clock::time_point sent_at_;
};

double processor_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 8) return 2;
  Plan plan;
  plan.server.sin_family = AF_INET;
  ::inet_pton(AF_INET, argv[1], &plan.server.sin_addr);
  plan.server.sin_port = htons(static_cast<std::uint16_t>(std::atoi(argv[2])));
  plan.file = argv[3];
  plan.rounds = std::atoi(argv[5]);
  plan.block_size = static_cast<std::size_t>(std::atoi(argv[6]));
  plan.window = static_cast<unsigned>(std::atoi(argv[7]));

  const UniqueFd epoll{::epoll_create1(EPOLL_CLOEXEC)};
  const auto clients = static_cast<std::size_t>(std::atoi(argv[4]));
  std::vector<Download> downloads;
  downloads.reserve(clients);
  for (std::size_t i = 0; i < clients; ++i) downloads.emplace_back(plan);
  std::vector<int> rounds_left(clients, plan.rounds);
  const Clock::time_point begin = Clock::now();
  for (Download& download : downloads) download.start(epoll.get());

  std::size_t active = clients;
  std::size_t repeats = 0;
  Clock::time_point look = begin;
  while (active > 0) {
    epoll_event events[256];
    const int ready = ::epoll_wait(epoll.get(), events, 256, 100);
    for (int i = 0; i < ready; ++i) {
      auto* download = static_cast<Download*>(events[i].data.ptr);
      if (!download->on_readable()) continue;
      const auto index = static_cast<std::size_t>(download - downloads.data());
      if (--rounds_left[index] > 0) {
        download->start(epoll.get());
      } else {
        --active;
      }
    }
    const Clock::time_point now = Clock::now();
    if (now - look < std::chrono::milliseconds{100}) continue;
    look = now;
    for (std::size_t i = 0; i < clients; ++i) {
      if (rounds_left[i] > 0 && downloads[i].repeat_if_late(now)) ++repeats;
    }
  }
  const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  std::size_t bytes = 0;
  for (const Download& download : downloads) bytes += download.bytes;
  std::printf("{\"bytes\": %zu, \"seconds\": %.6f, \"client_cpu\": %.6f, \"repeats\": %zu}\n", bytes, seconds,
              processor_seconds(), repeats);
}
