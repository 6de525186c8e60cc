#include "applets/flags.h"

#include <gtest/gtest.h>

#include "applets/kmsg_record.h"
#include "applets/swap_condition.h"

namespace guest {
namespace {

struct Parsed {
  std::string problem;
  std::string label;
  bool force = false;
  std::vector<std::string> rest;
};

Parsed parse(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "applet");
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  Parsed parsed;
  parsed.problem = parse_flags(static_cast<int>(argv.size()), argv.data(),
                               {{"label", &parsed.label}, {"force", nullptr, &parsed.force}}, parsed.rest);
  return parsed;
}

TEST(Flags, AsGoReadsThem) {
  using Rest = std::vector<std::string>;
  Parsed parsed = parse({"-label", "A", "--force", "/dev/vda", "-x"});
  EXPECT_EQ(parsed.problem, "");
  EXPECT_EQ(parsed.label, "A");
  EXPECT_TRUE(parsed.force);
  EXPECT_EQ(parsed.rest, (Rest{"/dev/vda", "-x"}));
  EXPECT_EQ(parse({"--label=a=b"}).label, "a=b");
  EXPECT_FALSE(parse({"-force=false"}).force);
  EXPECT_EQ(parse({"--", "-force"}).rest, Rest{"-force"});
  EXPECT_EQ(parse({"-"}).rest, Rest{"-"});
  EXPECT_EQ(parse({}).rest, Rest{});
}

TEST(Flags, SayWhatIsWrong) {
  EXPECT_EQ(parse({"-lable", "A"}).problem, "unknown option '-lable': expected -label, -force");
  EXPECT_EQ(parse({"-label"}).problem, "-label: expected a value");
  EXPECT_EQ(parse({"-force=yes"}).problem, "-force: expected true or false, got 'yes'");
}

TEST(Flags, Sizes) {
  EXPECT_EQ(parse_size("1G"), std::uint64_t{1} << 30);
  EXPECT_EQ(parse_size("10k"), 10240U);
  EXPECT_EQ(parse_size("4096"), 4096U);
  for (const char* bad : {"", "G", "0", "1.5G", "-1", "1GB", "18446744073709551615K"})
    EXPECT_EQ(parse_size(bad), 0U) << bad;
}

TEST(SwapCondition, Reads) {
  SwapCondition condition;
  EXPECT_EQ(parse_swap_condition("", condition), "");
  EXPECT_EQ(condition.path, "");
  EXPECT_EQ(parse_swap_condition("part:/var/external", condition), "");
  EXPECT_EQ(condition.path, "/var/external");
  EXPECT_FALSE(condition.required);
  EXPECT_EQ(parse_swap_condition("partsize:/var/external:2G:true", condition), "");
  EXPECT_EQ(condition.least_bytes, std::uint64_t{2} << 30);
  EXPECT_TRUE(condition.required);
  for (const char* bad :
       {"disk:/x", "part", "part:x", "part:/x:maybe", "partsize:/x", "partsize:/x:much", "part:/x:true:1"}) {
    EXPECT_EQ(parse_swap_condition(bad, condition),
              "--condition: expected part:PATH[:true] or partsize:PATH:SIZE[:true], got '" + std::string{bad} + "'");
  }
}

TEST(KmsgRecord, BecomesALine) {
  EXPECT_EQ(kmsg_line("6,339,5140900,-;NET: Registered protocol family 10\n SUBSYSTEM=net\n"),
            "(339) - 5.140900: NET: Registered protocol family 10");
  EXPECT_EQ(kmsg_line("30,7,0,-,caller=T1;x"), "(7) - 0.000000: x");
  for (const char* bad : {"", ";", "6;x", "6,x,1,-;x", "6,1,-;x"}) EXPECT_EQ(kmsg_line(bad), "") << bad;
}

}  // namespace
}  // namespace guest
