#include "machine/ipmi/ipmitool.h"

#include <gtest/gtest.h>

#include <functional>

#include "machine/remote/testing.h"

namespace kiln::machine::ipmi {
namespace {

using namespace std::chrono_literals;
using testing_::FakeWaiter;
using testing_::message_of;

/// A BMC in a few lines: on or off, after a while.
class FakeRunner final : public Runner {
 public:
  using Handler = std::function<CommandResult(const std::string&)>;
  explicit FakeRunner(Handler handler) : handler_{std::move(handler)} {}

  CommandResult run(const Command& command) override {
    commands.push_back(command);
    std::string words;
    bool after = false;
    for (const std::string& argument : command.arguments) {
      if (after) words += (words.empty() ? "" : " ") + argument;
      after = after || argument == "-E";
    }
    asked.push_back(words);
    return handler_(words);
  }

  std::vector<Command> commands;
  std::vector<std::string> asked;

 private:
  Handler handler_;
};

Bmc bmc() {
  Bmc out;
  out.host = "10.0.0.2";
  out.user = "admin";
  out.password = "s3cret";
  return out;
}

TEST(Ipmitool, SwitchesOnAndWaits) {
  int looks = 0;
  FakeRunner runner{[&](const std::string& words) -> CommandResult {
    if (words != "chassis power status") return {};
    return {0, ++looks < 4 ? "Chassis Power is off\n" : "Chassis Power is on\n", ""};
  }};
  Ipmitool tool{bmc(), runner};
  FakeWaiter waiter;
  tool.boot_once_from(BootDevice::pxe);
  tool.power_cycle(waiter, 60s);
  EXPECT_EQ(runner.asked,
            (std::vector<std::string>{"chassis bootdev pxe options=efiboot", "chassis power status", "chassis power on",
                                      "chassis power status", "chassis power status", "chassis power status"}));
}

TEST(Ipmitool, CyclesWhatIsOn) {
  FakeRunner runner{[](const std::string&) { return CommandResult{0, "Chassis Power is on\n", ""}; }};
  FakeWaiter waiter;
  Ipmitool{bmc(), runner}.power_cycle(waiter, 60s);
  EXPECT_EQ(runner.asked[1], "chassis power cycle");
}

TEST(Ipmitool, NeverHasThePasswordAmongItsArguments) {
  FakeRunner runner{[](const std::string&) { return CommandResult{0, "Chassis Power is on\n", ""}; }};
  Ipmitool{bmc(), runner}.is_on();
  EXPECT_EQ(runner.commands[0].arguments,
            (std::vector<std::string>{"ipmitool", "-I", "lanplus", "-H", "10.0.0.2", "-p", "623", "-U", "admin", "-E",
                                      "chassis", "power", "status"}));
  EXPECT_EQ(runner.commands[0].environment, (std::map<std::string, std::string>{{"IPMI_PASSWORD", "s3cret"}}));
  const ConsoleProgram console = sol_program(bmc());
  EXPECT_EQ(console.environment, runner.commands[0].environment);
  EXPECT_EQ(console.arguments.back(), "activate");
}

TEST(Ipmitool, SaysWhatFailed) {
  FakeRunner refused{[](const std::string&) {
    return CommandResult{1, "", "Error: Unable to establish IPMI v2 / RMCP+ session\n"};
  }};
  EXPECT_EQ(message_of([&] {
              Ipmitool{bmc(), refused}.is_on();
            }),
            "'ipmitool chassis power status' for BMC '10.0.0.2': status 1: Error: Unable to establish IPMI v2 / RMCP+ "
            "session\nhint: is IPMI over LAN switched on there, and are --user and the password (KILN_BMC_PASSWORD or "
            "--password-file) right?");
  FakeRunner odd{[](const std::string&) { return CommandResult{0, "who knows", ""}; }};
  EXPECT_EQ(message_of([&] {
              Ipmitool{bmc(), odd}.is_on();
            }),
            "BMC '10.0.0.2': ipmitool tells the power status as 'who knows'");
  FakeRunner off{[](const std::string&) { return CommandResult{0, "Chassis Power is off\n", ""}; }};
  FakeWaiter waiter;
  EXPECT_EQ(message_of([&] {
              Ipmitool{bmc(), off}.power_cycle(waiter, 30s);
            }),
            "the machine of BMC '10.0.0.2' is not on after 30.0 s\n"
            "hint: look at the BMC's own log; --timeout gives it more time");
  Bmc option = bmc();
  option.host = "-v";
  EXPECT_EQ(message_of([&] { Ipmitool(option, off); }), "--bmc '-v': expected a host name or address");
}

}  // namespace
}  // namespace kiln::machine::ipmi
