#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "config/load.h"

namespace kiln::config {
namespace {

TEST(Load, FirstErrorNamesThePlace) {
  EXPECT_THAT(
      [] {
        load({{"os.yml", "services:\n  - name: web\n    image: nginx\n    comand: [a]\n", ""}}, {});
      },
      testing::ThrowsMessage<Error>("os.yml:4:5: unknown key 'comand' in service 'web'; did you mean 'command'?"));
}

}  // namespace
}  // namespace kiln::config
