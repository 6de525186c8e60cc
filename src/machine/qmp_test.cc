#include "machine/qmp.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>

#include "machine/ending.h"

namespace kiln::machine {
namespace {

using Kind = QmpMessage::Kind;

TEST(Qmp, ParsesMessages) {
  const std::pair<std::string, QmpMessage> kCases[] = {
      {R"({"QMP": {"version": {"qemu": {"micro": 22, "minor": 2, "major": 7}}, "capabilities": ["oob"]}})",
       {Kind::greeting, "", ""}},
      {R"({"return": {}})", {Kind::result, "", ""}},
      {R"({"return": {"status": "internal-error", "running": false}})", {Kind::result, "", "internal-error"}},
      {R"({"return": []})", {Kind::result, "", ""}},
      {R"({"error": {"class": "GenericError", "desc": "no such key"}})", {Kind::error, "no such key", ""}},
      {R"({"event": "SHUTDOWN", "data": {"guest": true, "reason": "guest-shutdown"}, "timestamp": {}})",
       {Kind::event, "SHUTDOWN", "guest-shutdown"}},
      {R"({"event": "RESUME"})", {Kind::event, "RESUME", ""}},
      {R"({"event": "SHUTDOWN", "data": "text"})", {Kind::event, "SHUTDOWN", ""}},
      {R"({"event": 5, "data": {"reason": []}})", {Kind::event, "", ""}},
      {R"({"error": "text"})", {Kind::error, "", ""}},
      {R"({"event": )", {}},
      {"[1]", {}},
      {"", {}},
      {std::string(100000, '['), {}},
  };
  for (const auto& [line, message] : kCases) EXPECT_EQ(parse_qmp(line), message) << line.substr(0, 100);
}

TEST(Qmp, SplitsLinesHoweverTheyCome) {
  const std::string text = "{\"return\": {}}\r\n\nlast\nunfinished";
  for (std::size_t step = 1; step <= text.size(); ++step) {
    LineSplitter lines;
    std::vector<std::string> got;
    for (std::size_t at = 0; at < text.size(); at += step) {
      lines.add(std::string_view{text}.substr(at, step));
      while (auto line = lines.next()) got.push_back(*line);
    }
    EXPECT_EQ(got, (std::vector<std::string>{"{\"return\": {}}", "", "last"})) << step;
  }
}

TEST(Qmp, SpeaksOverASocket) {
  std::array<int, 2> fds{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, fds.data()), 0);
  UniqueFd qemu{fds[1]};
  Qmp qmp{UniqueFd{fds[0]}};
  ASSERT_EQ(::write(qemu.get(), "{\"QMP\": {}}\n{\"ev", 16), 16);
  ASSERT_TRUE(qmp.receive());
  EXPECT_EQ(qmp.next(), (QmpMessage{Kind::greeting, "", ""}));
  EXPECT_EQ(qmp.next(), std::nullopt);
  qmp.negotiate();
  qmp.press_power_button(true);
  std::array<char, 256> buffer{};
  const ssize_t got = ::read(qemu.get(), buffer.data(), buffer.size());
  EXPECT_EQ(std::string(buffer.data(), static_cast<std::size_t>(got)),
            "{\"execute\":\"qmp_capabilities\"}\n{\"execute\":\"system_powerdown\"}\n");
  qemu.reset();
  EXPECT_FALSE(qmp.receive());
  qmp.quit();  // nobody hears it, and nothing happens
}

TEST(Ending, FollowsFromEventsAndTheConsole) {
  struct Case {
    QmpMessage message;
    const char* console;
    Ending ending;
  };
  constexpr const char* kPanic = "[    1.0] Kernel panic - not syncing: Attempted to kill init!\r\n[    1.1] Rebooting";
  const Case kCases[] = {
      {{Kind::event, "SHUTDOWN", "guest-shutdown"}, "", Ending::powered_off},
      {{Kind::event, "SHUTDOWN", "guest-shutdown"}, kPanic, Ending::powered_off},
      {{Kind::event, "SHUTDOWN", "guest-reset"}, "login:", Ending::rebooted},
      {{Kind::event, "SHUTDOWN", "guest-reset"}, kPanic, Ending::panicked},
      {{Kind::event, "SHUTDOWN", "guest-panic"}, "", Ending::panicked},
      {{Kind::event, "SHUTDOWN", "host-ui"}, "", Ending::unplugged},
      {{Kind::event, "SHUTDOWN", "host-qmp-quit"}, "", Ending::unplugged},
      {{Kind::event, "SHUTDOWN", "host-signal"}, "", Ending::unplugged},
      {{Kind::event, "RESET", "guest-reset"}, "reboot: Restarting system", Ending::running},
      {{Kind::event, "RESET", "guest-reset"}, kPanic, Ending::panicked},
      {{Kind::event, "RESET", "host-qmp-system-reset"}, kPanic, Ending::running},
      {{Kind::event, "GUEST_PANICKED", ""}, "", Ending::panicked},
      {{Kind::event, "POWERDOWN", ""}, "", Ending::running},
      {{Kind::result, "", ""}, kPanic, Ending::running},
  };
  for (const Case& one : kCases) {
    EXPECT_EQ(ending_after(one.message, [&one] { return std::string{one.console}; }), one.ending)
        << one.message.text << " " << one.message.reason << " " << one.console;
  }
}

TEST(Ending, HasAStatusOfItsOwn) {
  EXPECT_EQ(exit_status(Ending::powered_off), 0);
  EXPECT_EQ(exit_status(Ending::panicked), 3);
  EXPECT_EQ(exit_status(Ending::rebooted), 4);
  EXPECT_EQ(exit_status(Ending::unplugged), 130);
}

TEST(Ending, AnOldPanicFarUpIsNotThisOne) {
  EXPECT_FALSE(tells_of_panic("Kernel panic - not syncing: x" + std::string(20000, '.')));
}

}  // namespace
}  // namespace kiln::machine
