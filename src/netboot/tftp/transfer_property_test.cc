// A client and a network that loses, doubles, delays and reorders, in virtual time: whatever it does, the client gets
// every byte once and in order, and nothing multiplies.

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "netboot/tftp/transfer.h"

namespace kiln::tftp {
namespace {

using namespace std::chrono_literals;
using Time = std::chrono::nanoseconds;

struct Network {
  double loss = 0;
  double doubled = 0;
  Time shortest = 1ms;
  Time longest = 1ms;  // of a packet's way: more than `shortest` reorders
};

/// How clients answer a block that they do not expect.
enum class Manner {
  silent,  // not at all: iPXE
  once,    // RFC 7440: the first one behind a gap is answered with the last good block
  always,  // edk2: each of them
};

struct Scenario {
  const char* name;
  Network network;
  Manner manner;
  std::uint32_t block_size;
  std::uint32_t window_size;
  bool options;
  std::uint64_t size;
};
std::ostream& operator<<(std::ostream& out, const Scenario& scenario) { return out << scenario.name; }

struct Datagram {
  bool is_options = false;
  std::uint16_t block = 0;
  std::uint64_t offset = 0;
  std::uint32_t size = 0;
};

class Simulation {
 public:
  Simulation(const Scenario& scenario, unsigned seed)
      : scenario_{scenario}, random_{seed}, transfer_{terms(scenario), scenario.size, 60s, 0ns} {}

  void run() {
    serve();
    client_deadline_ = 1s;
    while (!transfer_.ended() && now_ < 2h) step();
  }

  std::uint64_t received() const { return received_; }
  bool client_is_done() const { return done_; }
  bool wrong() const { return wrong_; }
  Transfer& transfer() { return transfer_; }
  std::uint64_t sent() const { return sent_; }
  Time now() const { return now_; }

 private:
  static Terms terms(const Scenario& scenario) {
    Terms terms;
    terms.block_size = scenario.block_size;
    terms.window_size = scenario.window_size;
    if (scenario.options) terms.accepted = {{"blksize", "?"}};
    return terms;
  }

  bool happens(double chance) { return std::uniform_real_distribution<>{0, 1}(random_) < chance; }
  Time delay() {
    return Time{std::uniform_int_distribution<std::int64_t>{scenario_.network.shortest.count(),
                                                            scenario_.network.longest.count()}(random_)};
  }

  template <typename Deliver>
  void post(Deliver deliver) {
    const int copies = happens(scenario_.network.loss) ? 0 : happens(scenario_.network.doubled) ? 2 : 1;
    for (int i = 0; i < copies; ++i) events_.emplace(now_ + delay(), deliver);
  }

  void serve() {
    if (transfer_.options_due()) {
      transfer_.options_sent(now_);
      post([this] { on_datagram({true}); });
    }
    while (transfer_.blocks_due() > 0) {
      const std::uint64_t block = transfer_.first_due();
      const Datagram datagram{false, static_cast<std::uint16_t>(block), transfer_.offset_of(block),
                              transfer_.size_of(block)};
      transfer_.sent(1, now_);
      ++sent_;
      post([this, datagram] { on_datagram(datagram); });
    }
  }

  void step() {
    const Time next_event = events_.empty() ? Time::max() : events_.begin()->first;
    now_ = std::min({next_event, transfer_.deadline(), done_ ? Time::max() : client_deadline_});
    if (next_event == now_) {
      const auto deliver = std::move(events_.begin()->second);
      events_.erase(events_.begin());
      deliver();
    } else if (!done_ && client_deadline_ == now_) {
      answer();  // the client's own timeout: it says again what it has
      client_deadline_ = now_ + 1s;
    } else {
      transfer_.on_time(now_);
      serve();
    }
  }

  void on_datagram(const Datagram& datagram) {
    if (datagram.is_options) {
      if (expected_ == 1) answer();
      return;
    }
    if (scenario_.options && expected_ == 1 && datagram.block != 1) return;
    if (datagram.block != static_cast<std::uint16_t>(expected_) || done_) return on_unexpected(datagram);
    client_deadline_ = now_ + 1s;
    told_gap_ = false;
    if (datagram.offset != received_) wrong_ = true;
    received_ += datagram.size;
    ++expected_;
    done_ = datagram.size < scenario_.block_size;
    if (done_ || ++in_window_ == scenario_.window_size) answer();
  }

  void on_unexpected(const Datagram& datagram) {
    const bool last_again = done_ && datagram.block == static_cast<std::uint16_t>(expected_ - 1);
    const bool tell = scenario_.manner == Manner::always || (scenario_.manner == Manner::once && !told_gap_);
    if (!last_again && !tell) return;
    told_gap_ = true;
    answer();
  }

  void answer() {
    in_window_ = 0;
    const auto block = static_cast<std::uint16_t>(expected_ - 1);
    post([this, block] {
      if (transfer_.ended()) return;
      transfer_.on_acknowledge(block, now_);
      serve();
    });
  }

  const Scenario scenario_;
  std::mt19937 random_;
  Transfer transfer_;
  Time now_{};
  std::multimap<Time, std::function<void()>> events_;
  std::uint64_t sent_ = 0;

  // The client.
  std::uint64_t expected_ = 1;
  std::uint64_t received_ = 0;
  std::uint32_t in_window_ = 0;
  bool told_gap_ = false;
  bool done_ = false;
  bool wrong_ = false;
  Time client_deadline_ = 1s;
};

constexpr Network kPerfect{};
constexpr Network kLossy{.loss = 0.1, .longest = 2ms};
constexpr Network kAwful{.loss = 0.3, .doubled = 0.2, .longest = 30ms};
constexpr Network kDoubling{.doubled = 1};
constexpr Network kEchoing{.doubled = 1, .longest = 20ms};  // copies come much later than an answer could
constexpr Network kReordering{.shortest = 500us, .longest = 10ms};
constexpr Network kSlow{.doubled = 0.3, .shortest = 900ms, .longest = 1500ms};  // slower than the first timeout

class TransferProperty : public testing::TestWithParam<Scenario> {};

TEST_P(TransferProperty, TheClientGetsExactlyTheBytes) {
  const Scenario& scenario = GetParam();
  const std::uint64_t blocks = scenario.size / scenario.block_size + 1;
  for (unsigned seed = 1; seed <= 40; ++seed) {
    Simulation simulation{scenario, seed};
    simulation.run();
    ASSERT_FALSE(simulation.wrong()) << "seed " << seed;
    ASSERT_TRUE(simulation.client_is_done()) << "seed " << seed << ", after " << simulation.received() << " bytes";
    ASSERT_EQ(simulation.received(), scenario.size) << "seed " << seed;
    const auto state = simulation.transfer().state();
    ASSERT_TRUE(state == Transfer::State::complete || state == Transfer::State::unconfirmed) << "seed " << seed;
    // Without loss and reordering nothing needs to be sent again, and what is, because of echoes, must stay a small
    // part: a sorcerer's apprentice doubles everything, and then once more. Reordering costs more, since clients throw
    // away what comes too early: then, of each window, one block may have to do.
    const bool reorders = scenario.network.longest > scenario.network.shortest;
    const std::uint64_t most = reorders ? scenario.window_size + 2 : 2;
    if (scenario.network.loss == 0) {
      ASSERT_LE(simulation.sent(), most * (blocks + scenario.window_size)) << "seed " << seed;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Tftp, TransferProperty,
    testing::Values(Scenario{"Perfect", kPerfect, Manner::always, 512, 8, true, 100'000},
                    Scenario{"PerfectWithoutOptions", kPerfect, Manner::always, 512, 1, false, 51'200},
                    Scenario{"Lossy", kLossy, Manner::always, 1468, 4, true, 300'000},
                    Scenario{"LossyRfc7440", kLossy, Manner::once, 1468, 16, true, 300'000},
                    Scenario{"LossyIpxe", kLossy, Manner::silent, 1432, 1, true, 100'000},
                    Scenario{"LossyWithoutOptions", kLossy, Manner::silent, 512, 1, false, 20'000},
                    Scenario{"LossyLargeWindow", kLossy, Manner::always, 100, 64, true, 50'000},
                    Scenario{"Awful", kAwful, Manner::always, 512, 8, true, 30'000},
                    Scenario{"AwfulRfc7440", kAwful, Manner::once, 512, 16, true, 30'000},
                    Scenario{"AwfulIpxe", kAwful, Manner::silent, 1432, 1, true, 50'000},
                    Scenario{"Doubling", kDoubling, Manner::always, 512, 8, true, 100'000},
                    Scenario{"DoublingIpxe", kDoubling, Manner::always, 512, 1, true, 100'000},
                    Scenario{"Echoing", kEchoing, Manner::always, 512, 8, true, 100'000},
                    Scenario{"EchoingRfc7440", kEchoing, Manner::once, 512, 8, true, 100'000},
                    Scenario{"EchoingOneBlock", kEchoing, Manner::always, 512, 1, true, 100'000},
                    Scenario{"Reordering", kReordering, Manner::once, 512, 2, true, 50'000},
                    Scenario{"ReorderingOneBlock", kReordering, Manner::always, 512, 1, false, 50'000},
                    Scenario{"Slow", kSlow, Manner::always, 512, 8, true, 50'000},
                    Scenario{"Empty", kAwful, Manner::always, 512, 8, true, 0},
                    Scenario{"OneByte", kAwful, Manner::silent, 512, 1, false, 1}),
    [](const auto& row) { return std::string{row.param.name}; });

TEST(TransferProperty, BlockNumbersGoRoundUnderLoss) {
  const Network network{.loss = 0.0005, .doubled = 0.001, .shortest = 100us, .longest = 150us};
  Simulation simulation{{"", network, Manner::always, 8, 64, true, 8 * 70'000 + 3}, 1};
  simulation.run();
  EXPECT_FALSE(simulation.wrong());
  EXPECT_EQ(simulation.received(), 8 * 70'000 + 3U);
  EXPECT_EQ(simulation.transfer().state(), Transfer::State::complete);
}

}  // namespace
}  // namespace kiln::tftp
