#include "core/redis/reply_kind.h"

#include <gtest/gtest.h>

#include <string>

namespace zerogate::testing {
namespace {

redisReply reply_of(int type, std::string& text) {
  redisReply reply{};
  reply.type = type;
  reply.str = text.data();
  reply.len = text.size();
  return reply;
}

std::vector<RedisValue> no_items;

TEST(ReplyKindTest, OnlyAStatusOfOkSaysOk) {
  std::string ok = "OK";
  EXPECT_TRUE(to_reply(reply_of(REDIS_REPLY_STATUS, ok), no_items).says_ok());
  EXPECT_FALSE(to_reply(reply_of(REDIS_REPLY_STRING, ok), no_items).says_ok());
  EXPECT_FALSE(to_reply(reply_of(REDIS_REPLY_ERROR, ok), no_items).says_ok());
  std::string queued = "QUEUED";
  EXPECT_FALSE(to_reply(reply_of(REDIS_REPLY_STATUS, queued), no_items).says_ok());
}

TEST(ReplyKindTest, NilIsAReplyWithoutValue) {
  std::string none;
  const RedisReply nil = to_reply(reply_of(REDIS_REPLY_NIL, none), no_items);
  EXPECT_EQ(nil.status, RedisReply::Status::ok);
  EXPECT_FALSE(nil.has_value);
  EXPECT_TRUE(to_reply(reply_of(REDIS_REPLY_STRING, none), no_items).has_value)
      << "an empty string is one";
  EXPECT_TRUE(to_reply(reply_of(REDIS_REPLY_ARRAY, none), no_items).has_value);
}

TEST(ReplyKindTest, AnErrorIsKnownByItsFirstWord) {
  for (const char* const text :
       {"READONLY no", "MASTERDOWN no", "LOADING no", "NOAUTH no", "CLUSTERDOWN no"}) {
    std::string error = text;
    EXPECT_TRUE(is_refusal(reply_of(REDIS_REPLY_ERROR, error))) << text;
    EXPECT_FALSE(is_refusal(reply_of(REDIS_REPLY_STRING, error))) << "a value";
  }
  for (const char* const text : {"ERR READONLY no", "READONLYX no", "NOPERM no", "OOM no", ""}) {
    std::string error = text;
    EXPECT_FALSE(is_refusal(reply_of(REDIS_REPLY_ERROR, error))) << text;
  }
}

}  // namespace
}  // namespace zerogate::testing
