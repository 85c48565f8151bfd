#include "core/redis/redis_reply.h"

#include <gtest/gtest.h>

namespace zerogate::testing {
namespace {

TEST(RedisReplyTest, AnErrorIsKnownByItsFirstWord) {
  for (const char* const text :
       {"READONLY no", "MASTERDOWN no", "LOADING no", "NOAUTH no", "CLUSTERDOWN no"}) {
    EXPECT_TRUE(is_refusal(text)) << text;
    EXPECT_FALSE(is_elsewhere(text)) << text;
  }
  for (const char* const text : {"MOVED 1 10.0.0.7:6381", "ASK 1 10.0.0.7:6381"}) {
    EXPECT_TRUE(is_elsewhere(text)) << text;
    EXPECT_FALSE(is_refusal(text)) << text;
  }
  for (const char* const text :
       {"ERR READONLY no", "READONLYX no", "NOPERM no", "OOM no", "MOVEDALL no", ""}) {
    EXPECT_FALSE(is_refusal(text) || is_elsewhere(text)) << text;
  }
}

}  // namespace
}  // namespace zerogate::testing
