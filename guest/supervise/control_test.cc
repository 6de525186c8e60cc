#include "supervise/control.h"

#include <gtest/gtest.h>

namespace guest {
namespace {

using Verb = ControlRequest::Verb;

TEST(Control, ReadsRequests) {
  ControlRequest request;
  EXPECT_EQ(parse_request("ls", request), "");
  EXPECT_EQ(request, (ControlRequest{Verb::ls, ""}));
  EXPECT_EQ(parse_request("restart my service", request), "");
  EXPECT_EQ(request, (ControlRequest{Verb::restart, "my service"}));
  EXPECT_EQ(parse_request("halt", request), "");
  EXPECT_EQ(request.verb, Verb::halt);
}

TEST(Control, SaysWhatIsWrong) {
  ControlRequest request;
  EXPECT_EQ(parse_request("", request), "unknown request ''");
  EXPECT_EQ(parse_request("explode\x1b now", request), "unknown request 'explode\\033'");
  EXPECT_EQ(parse_request("start", request), "start: expected the name of a service");
  EXPECT_EQ(parse_request("start ", request), "start: expected the name of a service");
  EXPECT_EQ(parse_request("ls all", request), "ls: expected nothing after it");
}

}  // namespace
}  // namespace guest
