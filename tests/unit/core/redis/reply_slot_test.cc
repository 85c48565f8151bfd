#include "core/redis/reply_slot.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace zerogate {
namespace {

class ReplySlotTest : public ::testing::Test {
 protected:
  /// The reply that these bytes are, in pieces as they may arrive.
  const redisReply& read(const std::string& bytes) {
    void* reply = nullptr;
    for (const char c : bytes) {
      EXPECT_EQ(reply, nullptr) << "before all of it has come";
      redisReaderFeed(reader_.get(), &c, 1);
      EXPECT_EQ(redisReaderGetReply(reader_.get(), &reply), REDIS_OK);
    }
    return *static_cast<const redisReply*>(reply);
  }

  RedisReplySlot slot_;
  std::unique_ptr<redisReader, decltype(&redisReaderFree)> reader_{slot_.make_reader(),
                                                                   &redisReaderFree};
};

TEST_F(ReplySlotTest, AnArrayHasItsElements) {
  const redisReply& reply = read("*5\r\n$3\r\nabc\r\n:-7\r\n$-1\r\n+OK\r\n-ERR no\r\n");
  EXPECT_EQ(reply.type, REDIS_REPLY_ARRAY);
  const std::vector<RedisValue>& items = slot_.items();
  ASSERT_EQ(items.size(), 5u);
  EXPECT_EQ(items[0].text, "abc");
  EXPECT_FALSE(items[0].is_status);
  EXPECT_EQ(items[1].integer, -7);
  EXPECT_FALSE(items[2].has_value);
  EXPECT_TRUE(items[3].is_status && items[3].text == "OK");
  EXPECT_TRUE(items[4].is_error && items[4].text == "ERR no");
}

TEST_F(ReplySlotTest, ArraysMayBeNested) {
  read("*3\r\n*2\r\n:1\r\n*1\r\n$1\r\nx\r\n*0\r\n:2\r\n");
  const std::vector<RedisValue>& items = slot_.items();
  ASSERT_EQ(items.size(), 3u);
  ASSERT_EQ(items[0].items.size(), 2u);
  EXPECT_EQ(items[0].items[0].integer, 1);
  EXPECT_EQ(items[0].items[1].items.at(0).text, "x");
  EXPECT_TRUE(items[1].is_array && items[1].items.empty());
  EXPECT_EQ(items[2].integer, 2);
}

TEST_F(ReplySlotTest, EachArrayBeginsAnew) {
  read("*2\r\n:1\r\n:2\r\n");
  read("*1\r\n:3\r\n");
  ASSERT_EQ(slot_.items().size(), 1u);
  EXPECT_EQ(slot_.items()[0].integer, 3);
  EXPECT_EQ(read("$2\r\nhi\r\n").len, 2u);
  read("*-1\r\n");
  EXPECT_EQ(read("*0\r\n").type, REDIS_REPLY_ARRAY);
  EXPECT_TRUE(slot_.items().empty());
}

}  // namespace
}  // namespace zerogate
