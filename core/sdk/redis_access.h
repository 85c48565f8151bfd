// Redis for asynchronous functions: commands that a coroutine awaits.
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "core/redis/redis_client.h"
#include "core/sdk/operation.h"

namespace zerogate {

/// RedisClient::command, as a function so that tests can play Redis.
using RedisSend = std::function<void(std::initializer_list<ByteView>, RedisRequest&)>;

/// A reply with bytes of its own.
struct RedisValue {
  bool has_value = false;  ///< false for nil
  bool is_status = false;  ///< `text` is a status reply, as OK is for SET
  std::string text;        ///< of a string or status reply
  int64_t integer = 0;     ///< of an integer reply
};

namespace sdk {

/// One command under way. The client owns it beside the coroutine, until its reply has come.
class RedisOperation : public Operation, public RedisRequest {
 public:
  RedisOperation(Resumer& resumer, bool may_repeat) : Operation(resumer), may_repeat_(may_repeat) {}
  void send(const RedisSend& redis, std::initializer_list<ByteView> arguments);
  /// Throws CallFailure.
  RedisValue take();

  void on_reply(const RedisReply& reply) final;
  bool idempotent() const final { return may_repeat_; }

 private:
  const bool may_repeat_;
  RedisReply::Status status_ = RedisReply::Status::ok;
  RedisValue value_;
};

struct RedisGet final : RedisOperation {
  using RedisOperation::RedisOperation;
  std::optional<std::string> take();
};
struct RedisSet final : RedisOperation {
  using RedisOperation::RedisOperation;
  void take();
};

inline std::string_view redis_text(std::string_view text) { return text; }
template <std::integral Number>
std::string redis_text(Number number) {
  return std::to_string(number);
}

}  // namespace sdk

/// Sends at once; the commands of a turn leave in one write, so several that are begun before the
/// first is awaited travel together. Replies come in any order when redis.connections is above 1.
/// An await throws CallFailure when Redis is away, late, or answers with an error. Belongs to a
/// Context.
class RedisAccess {
 public:
  /// `send` may be empty: the function was added without Redis.
  RedisAccess(const RedisSend& send, Resumer& resumer) : send_(send), resumer_(resumer) {}

  /// Any command with a reply that is no array. Arguments are texts and integers, which are copied.
  template <class... Arguments>
  Pending<sdk::RedisOperation> command(const Arguments&... arguments) {
    return begin<sdk::RedisOperation>(false, arguments...);
  }
  /// The value, or nothing when there is none.
  Pending<sdk::RedisGet> get(std::string_view key) {
    return begin<sdk::RedisGet>(true, std::string_view("GET"), key);
  }
  /// Done once Redis has said OK.
  Pending<sdk::RedisSet> set(std::string_view key, std::string_view value) {
    return begin<sdk::RedisSet>(false, std::string_view("SET"), key, value);
  }

 private:
  template <class State, class... Arguments>
  Pending<State> begin(bool may_repeat, const Arguments&... arguments) {
    auto* const state = new State(resumer_, may_repeat);
    Pending<State> pending(state);
    state->send(send_, {ByteView(sdk::redis_text(arguments))...});
    return pending;
  }

  const RedisSend& send_;
  Resumer& resumer_;
};

}  // namespace zerogate
