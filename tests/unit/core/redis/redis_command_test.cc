#include "core/redis/redis_command.h"

#include <gmock/gmock.h>

#include <string>

#include "tests/unit/core/redis/read_command.h"

namespace zerogate::testing {
namespace {

using ::testing::ElementsAre;

/// Around each number of digits.
constexpr size_t kSizes[] = {0, 1, 9, 10, 11, 99, 100, 101, 999, 1000, 1234, 9999, 10'000, 100'000};

TEST(RedisCommandTest, IsInRedisWireFormat) {
  OutBuffer out;
  append_redis_command({"GET", "a"}, out);
  append_redis_command({"PING"}, out);
  EXPECT_EQ(out.view(), "*2\r\n$3\r\nGET\r\n$1\r\na\r\n*1\r\n$4\r\nPING\r\n");
}

TEST(RedisCommandTest, ArgumentsOfAnySizeComeBack) {
  OutBuffer out;
  for (const size_t size : kSizes) {
    out.clear();
    const std::string argument(size, '\n');
    append_redis_command({"ECHO", argument, ""}, out);
    size_t at = 0;
    EXPECT_THAT(read_command(out.view(), at), ElementsAre("ECHO", argument, ""));
    EXPECT_EQ(at, out.size());
  }
}

TEST(RedisCommandTest, ASetIsThatOfItsArguments) {
  OutBuffer out;
  OutBuffer expected;
  for (const size_t key_size : kSizes) {
    for (const size_t value_size : kSizes) {
      const std::string key(key_size, 'k');
      const std::string value(value_size, 'v');
      expected.clear();
      append_redis_command({"SET", key, value}, expected);
      RedisSetCommand command(out, key);
      out.append(value);
      ASSERT_EQ(command.finish(), expected.view());
    }
  }
}

}  // namespace
}  // namespace zerogate::testing
