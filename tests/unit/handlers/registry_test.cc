#include "handlers/registry.h"

#include <gmock/gmock.h>

#include "tests/unit/handlers/handler_fixture.h"

namespace zerogate {
namespace {

using RegistryTest = HandlerTest;

TEST_F(RegistryTest, MakesWhatIsAskedForInThatOrder) {
  const auto handlers = make_handlers({"echo", "hello_world"}, *runtime_);
  ASSERT_EQ(handlers.size(), 2u);
  EXPECT_EQ(handlers[0].name, "echo");
  EXPECT_EQ(handlers[1].name, "hello_world");
  EXPECT_NE(handlers[0].service, nullptr);
}

TEST_F(RegistryTest, KnowsAllNamesAndWhoNeedsRedis) {
  EXPECT_THAT(handler_names(),
              ::testing::ElementsAre("hello_world", "echo", "save_order", "get_order"));
  EXPECT_TRUE(needs_redis("save_order"));
  EXPECT_TRUE(needs_redis("get_order"));
  EXPECT_FALSE(needs_redis("echo"));
  EXPECT_FALSE(needs_redis("nope"));
}

}  // namespace
}  // namespace zerogate
