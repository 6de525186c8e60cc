#include "supervise/call_home.h"

#include <gtest/gtest.h>

#include "base/json.h"

namespace guest {
namespace {

class Lines : public Log {
 public:
  void line(std::string_view text) override { text_ += std::string{text} + "\n"; }
  std::string text_;
};

TEST(CallHome, ReportIsJson) {
  HomeReport report{"up", "running", true, "up in 1.50s: \"x\"", "[{\"name\": \"a\"}]", Microseconds{1'500'000}};
  std::string text = home_report_json(report, {"52:54:00:12:34:56", "", "S1", "kiln", "arm64", "6.12"});
  json::Value value;
  ASSERT_EQ(json::parse(text, value), "");
  EXPECT_EQ(value["mac"].text(), "52:54:00:12:34:56");
  EXPECT_EQ(value["serial"].text(), "S1");
  EXPECT_TRUE(value["uuid"].is(json::Value::Kind::null));
  EXPECT_EQ(value["stage"].text(), "up");
  EXPECT_EQ(value["state"].text(), "running");
  EXPECT_TRUE(value["failed"].boolean());
  EXPECT_EQ(value["message"].text(), "up in 1.50s: \"x\"");
  EXPECT_EQ(value["uptime"].text(), "1.500");
  EXPECT_EQ(value["services"].items().size(), 1U);
}

TEST(CallHome, OnlyWhereAsked) {
  Lines log;
  EXPECT_FALSE(CallHome(log, Cmdline{"quiet console=ttyS0"}).wanted());
  EXPECT_EQ(log.text_, "");
  EXPECT_TRUE(CallHome(log, Cmdline{"kiln.report=http://10.0.2.2:8080/report"}).wanted());
  EXPECT_EQ(log.text_, "");
  EXPECT_FALSE(CallHome(log, Cmdline{"kiln.report=10.0.2.2"}).wanted());
  EXPECT_EQ(log.text_, "kiln: kiln.report=: '10.0.2.2': expected http://HOST[:PORT]/PATH\n");
}

}  // namespace
}  // namespace guest
