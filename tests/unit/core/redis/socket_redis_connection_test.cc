// A connection to a scripted Redis: what its replies may hold before they are whole.
#include "core/redis/socket_redis_connection.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <memory>
#include <string>
#include <vector>

#include "core/io/event_loop.h"
#include "tests/unit/core/base/loopback.h"

namespace zerogate::testing {
namespace {

/// One connection, and what the scripted Redis has sent over it.
struct ScriptedRedis final : RedisConnection::Owner {
  void on_connected() override {
    connected = true;
    if (ends_it) {
      connection->end();
    }
  }
  void on_bytes() override {}
  void on_redis_reply(const RedisReply& reply) override {
    sizes.push_back(reply.value.size());
    if (ends_at_a_reply) {
      connection->end();
    }
  }
  void on_writable() override {}
  void on_broken(std::string_view reason, RedisBreak why) override {
    reasons.emplace_back(reason);
    breaks.push_back(why);
  }

  UniqueFd server;
  std::unique_ptr<SocketRedisConnection> connection;
  bool ends_it = false;  ///< as soon as it is connected
  bool ends_at_a_reply = false;
  bool connected = false;
  std::vector<size_t> sizes;  ///< of the replies' values
  std::vector<std::string> reasons;
  std::vector<RedisBreak> breaks;
};

class SocketRedisConnectionTest : public ::testing::Test {
 protected:
  static constexpr size_t kMaxReply = size_t{3} << 20;  // bytes

  SocketRedisConnectionTest() { listen(port_.fd(), 8); }

  std::unique_ptr<ScriptedRedis> begin() {
    auto redis = std::make_unique<ScriptedRedis>();
    redis->connection = std::make_unique<SocketRedisConnection>(
        loop_.uv(), *redis, read_buffer_.data(), kMaxReply, memory_);
    EXPECT_EQ(redis->connection->connect({.host = "127.0.0.1", .port = port_.number(), .path = {}}),
              0);
    return redis;
  }
  void finish(ScriptedRedis& redis) {
    EXPECT_TRUE(run_until([&] { return redis.connected; }));
    redis.server.reset(accept4(port_.fd(), nullptr, nullptr, SOCK_NONBLOCK));  // it is there
  }
  std::unique_ptr<ScriptedRedis> connect() {
    auto redis = begin();
    finish(*redis);
    return redis;
  }
  template <class Done>
  ::testing::AssertionResult run_until(Done done) {
    constexpr uint64_t kPatienceNs = 20'000'000'000;
    const uint64_t end = uv_hrtime() + kPatienceNs;
    while (!done()) {
      if (uv_hrtime() > end) {
        return ::testing::AssertionFailure() << "it does not come";
      }
      loop_.run_turn();
    }
    return ::testing::AssertionSuccess();
  }
  /// Until the connection ends, if it does.
  void send(ScriptedRedis& redis, std::string_view bytes) {
    EXPECT_TRUE(run_until([&] {
      const ssize_t sent = ::send(redis.server.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      bytes.remove_prefix(sent > 0 ? static_cast<size_t>(sent) : 0);
      return bytes.empty() || !redis.breaks.empty();
    }));
  }
  /// The same, of as many replies as there are then.
  void send(ScriptedRedis& redis, std::string_view bytes, size_t replies) {
    send(redis, bytes);
    EXPECT_TRUE(run_until([&] { return redis.sizes.size() >= replies; }));
  }
  /// How many bytes Redis is sent next; 0 at the end.
  ssize_t receive(ScriptedRedis& redis) {
    char bytes[8];
    ssize_t count = -1;
    EXPECT_TRUE(run_until([&] {
      count = recv(redis.server.get(), bytes, sizeof bytes, 0);
      return count >= 0;
    }));
    return count;
  }
  size_t held() const { return memory_.held(MemoryUse::redis_replies); }

  EventLoop loop_;
  LoopbackPort port_;
  MemoryAccount memory_{size_t{16} << 20};
  std::string read_buffer_ = std::string(FrameReader::kSharedBytes, '\0');
};

TEST_F(SocketRedisConnectionTest, WhatIsFlushedBeforeItIsConnectedLeavesThen) {
  const auto redis = begin();
  redis->connection->out().append("PING\r\n");
  redis->connection->flush();
  EXPECT_EQ(redis->connection->unsent_bytes(), 6u);
  finish(*redis);
  EXPECT_EQ(redis->connection->unsent_bytes(), 0u);
  EXPECT_EQ(redis->reasons, std::vector<std::string>{});
  EXPECT_EQ(receive(*redis), 6);
}

TEST_F(SocketRedisConnectionTest, MayBeEndedOnceItIsConnected) {
  const auto redis = begin();
  redis->ends_it = true;
  redis->connection->out().append("PING\r\n");
  finish(*redis);
  redis->connection->flush();
  EXPECT_EQ(redis->reasons, std::vector<std::string>{}) << "its owner hears nothing more";
  EXPECT_EQ(receive(*redis), 0) << "and nothing was sent";
}

TEST_F(SocketRedisConnectionTest, MayBeEndedByAReply) {
  for (const std::string_view behind : {"$2\r\nno\r\n", "HTTP/1.1 400\r\n"}) {
    const auto redis = connect();
    redis->ends_at_a_reply = true;
    send(*redis, "$5\r\nhello\r\n" + std::string(behind), 1);
    EXPECT_EQ(receive(*redis), 0);
    EXPECT_EQ(redis->sizes, std::vector<size_t>{5}) << "what is behind it is not read";
    EXPECT_EQ(redis->reasons, std::vector<std::string>{});
  }
}

TEST_F(SocketRedisConnectionTest, TheBeginningOfAReplyIsChargedUntilItIsWhole) {
  const auto redis = connect();
  send(*redis, "$5\r\nhello\r\n$1000000\r\n" + std::string(900'000, 'x'));
  EXPECT_TRUE(run_until([&] { return held() >= 900'000; }));
  EXPECT_EQ(memory_.total(), held());
  send(*redis, std::string(100'000, 'x') + "\r\n", 2);
  EXPECT_EQ(redis->sizes, (std::vector<size_t>{5, 1'000'000}));
  EXPECT_LE(held(), 4 * ReplyReader::kKeptBytes);
  redis->connection.reset();
  EXPECT_EQ(held(), 0u);
}

TEST_F(SocketRedisConnectionTest, OneThatNeverEndsEndsAtTheLimitOfAReply) {
  for (const std::string begin : {"$400000000\r\n", "*400000000\r\n", "+"}) {
    const auto redis = connect();
    std::string bytes = begin;
    while (bytes.size() < 2 * kMaxReply) {
      bytes += begin.front() == '*' ? "$5\r\nhello\r\n" : "0123456789";
    }
    send(*redis, bytes);
    EXPECT_TRUE(run_until([&] { return !redis->breaks.empty(); }));
    EXPECT_EQ(redis->breaks, std::vector<RedisBreak>{RedisBreak::too_large}) << begin;
    redis->connection.reset();
    EXPECT_EQ(held(), 0u);
  }
}

TEST_F(SocketRedisConnectionTest, BeginningsMayHoldHalfOfTheMemory) {
  const size_t of_others = memory_.limit() / 2 - (size_t{5} << 19);  // 2.5 MiB are left
  const auto redis = connect();
  const auto endless = connect();
  memory_.set(MemoryUse::redis_replies, of_others);
  const std::string fits = "$1000000\r\n" + std::string(1'000'000, 'x') + "\r\n";
  send(*redis, fits, 1);
  EXPECT_TRUE(redis->breaks.empty());
  send(*endless, "$400000000\r\n" + std::string(2'900'000, 'x'));
  EXPECT_TRUE(run_until([&] { return !endless->breaks.empty(); }));
  EXPECT_EQ(endless->breaks, std::vector<RedisBreak>{RedisBreak::no_memory});
  endless->connection.reset();
  send(*redis, fits, 2);
  EXPECT_EQ(redis->sizes, (std::vector<size_t>{1'000'000, 1'000'000})) << "others go on";
  redis->connection.reset();
  EXPECT_EQ(held(), of_others);
}

TEST_F(SocketRedisConnectionTest, OneThatHoldsHardlyAnythingIsNotToBlame) {
  const auto small = connect();
  memory_.set(MemoryUse::redis_replies, memory_.limit());  // of others
  send(*small, "$4\r\nbe");
  EXPECT_TRUE(run_until([&] { return held() > memory_.limit(); }));
  EXPECT_TRUE(small->breaks.empty());
  send(*small, "en\r\n", 1);
  EXPECT_EQ(small->sizes, std::vector<size_t>{4});
}

TEST_F(SocketRedisConnectionTest, BytesThatAreNoReplyAreNoMatterOfSize) {
  const auto redis = connect();
  send(*redis, "HTTP/1.1 400 Bad Request\r\n\r\n");
  EXPECT_TRUE(run_until([&] { return !redis->breaks.empty(); }));
  EXPECT_EQ(redis->breaks, std::vector<RedisBreak>{RedisBreak::garbled});
}

}  // namespace
}  // namespace zerogate::testing
