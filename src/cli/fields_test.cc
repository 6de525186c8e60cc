#include "cli/fields.h"

#include <gtest/gtest.h>

namespace kiln::cli {
namespace {

TEST(Fields, WritesValuesInOrder) {
  Fields inner;
  inner.add("file", "os-kernel").add("size", std::uint64_t{30900000});
  Fields fields;
  fields.add("outputs", std::vector<Fields>{inner, Fields{}})
      .add("cached", true)
      .add("names", std::vector<std::string>{"a", "b"});
  EXPECT_EQ(fields.to_json(),
            R"({"outputs":[{"file":"os-kernel","size":30900000},{}],"cached":true,"names":["a","b"]})");
}

TEST(Fields, EscapesText) {
  EXPECT_EQ(Fields{}.add("te\"xt", "line\n\x1b \xff").to_json(), "{\"te\\\"xt\":\"line\\n\\u001b \xef\xbf\xbd\"}");
}

}  // namespace
}  // namespace kiln::cli
