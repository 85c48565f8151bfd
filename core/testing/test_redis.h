// A Redis that a unit test plays.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "core/redis/redis_client.h"
#include "core/redis/redis_reply.h"
#include "core/sdk/redis_access.h"

namespace zerogate {

/// Belongs to a TestGateway, and answers in the order of the commands while that runs. It knows
/// GET, SET without options, and DEL, of texts. A test says with on() what it answers to others: it
/// fails them rather than to do them another way than Redis. One thread.
class TestRedis final : private RedisSender {
 public:
  using Words = std::vector<std::string>;
  using Answer = std::function<RedisValue(const Words& words)>;

  TestRedis() = default;
  TestRedis(const TestRedis&) = delete;
  TestRedis& operator=(const TestRedis&) = delete;

  /// By key: what GET finds, SET has left, and DEL takes out.
  std::map<std::string, std::string> texts;
  /// All that have come, each the command's name and its arguments.
  std::vector<Words> commands;
  /// Not empty: every command fails as when Redis is away, with this text.
  std::string away;

  /// Answers this command from now on, in place of the three as well: with one of the values below,
  /// RedisValue{} for nil, or a CallFailure to throw, which the await throws.
  TestRedis& on(std::string command, Answer answer) {
    answers_[std::move(command)] = std::move(answer);
    return *this;
  }
  static RedisValue text(std::string text);
  /// As the OK of SET.
  static RedisValue status(std::string text);
  static RedisValue integer(int64_t integer);
  static RedisValue array(std::vector<RedisValue> items);

 private:
  friend class TestGateway;
  void send_to_redis(ByteView command, RedisRequest& request) override;
  /// Answers the oldest command; false when there is none.
  bool answer_next();
  RedisValue answer(const Words& words);

  struct Waiting {
    Words words;
    RedisRequest* request;
  };
  std::deque<Waiting> waiting_;
  std::map<std::string, Answer, std::less<>> answers_;
};

}  // namespace zerogate
