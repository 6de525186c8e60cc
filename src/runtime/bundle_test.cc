#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "runtime/bundle.h"

namespace kiln::runtime {
namespace {

TEST(ResolveId, KnowsRootNumbersAndContainers) {
  const IdTable table{{"redis", 107}};
  EXPECT_EQ(resolve_id(7U, table), 7U);
  EXPECT_EQ(resolve_id("", table), 0U);
  EXPECT_EQ(resolve_id("root", table), 0U);
  EXPECT_EQ(resolve_id("redis", table), 107U);
  EXPECT_THAT([&] { resolve_id("100", table); }, testing::ThrowsMessage<Error>("cannot find id: '100'"));
}

}  // namespace
}  // namespace kiln::runtime
