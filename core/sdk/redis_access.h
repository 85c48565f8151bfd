// Redis for asynchronous functions: commands that a coroutine awaits.
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "core/base/out_buffer.h"
#include "core/redis/redis_client.h"
#include "core/redis/redis_command.h"
#include "core/sdk/call_failure.h"
#include "core/sdk/encode.h"
#include "core/sdk/operation.h"
#include "core/sdk/redis_shared.h"

namespace zerogate {

/// Takes the commands: a RedisClient, or a test that plays Redis.
class RedisSender {
 public:
  /// See RedisClient::send.
  virtual void send_to_redis(ByteView command, RedisRequest& request) = 0;

 protected:
  ~RedisSender() = default;
};

/// Whether a command may be sent again, once, when its connection closed without a reply: Redis may
/// then have done it twice.
enum class RedisRepeat : bool { never, harmless };

namespace sdk {

/// One command under way. The client owns it beside the coroutine, until its reply has come.
class RedisOperation : public Operation, public RedisRequest {
 public:
  RedisOperation(Resumer& resumer, RedisRepeat repeat) : Operation(resumer), repeat_(repeat) {}
  void send(RedisSender* redis, ByteView command) {
    if (redis == nullptr) {
      return refuse("the function was added without redis");
    }
    add_owner();
    redis->send_to_redis(command, *this);  // may have called on_reply already
  }

  /// It is not sent.
  [[gnu::cold]] void refuse(const std::string& why);

  bool idempotent() const final { return repeat_ == RedisRepeat::harmless; }

 protected:
  /// True for a reply that is no failure: the class keeps what it needs of it.
  bool accept(const RedisReply& reply) {
    return reply.status == RedisReply::Status::ok || note_failure(reply);
  }
  /// The end of on_reply(); the operation may be gone after it.
  void finish() {
    complete();
    drop_owner();
  }
  /// Throws CallFailure when there was no reply.
  void check() const {
    if (failure_ != nullptr) {
      throw CallFailure(*failure_);
    }
  }

 private:
  [[gnu::cold]] bool note_failure(const RedisReply& reply);

  const RedisRepeat repeat_;
  std::unique_ptr<const CallFailure> failure_;
};

class RedisCommand final : public RedisOperation {
 public:
  using RedisOperation::RedisOperation;
  RedisValue take() { return check(), std::move(value_); }
  void on_reply(const RedisReply& reply) override;

 private:
  RedisValue value_;
};

class RedisGet final : public RedisOperation {
 public:
  using RedisOperation::RedisOperation;
  std::optional<std::string> take() { return check(), std::move(value_); }
  void on_reply(const RedisReply& reply) override;

 private:
  std::optional<std::string> value_;
};

class RedisGetView final : public RedisOperation {
 public:
  using RedisOperation::RedisOperation;
  std::optional<std::string_view> take() { return check(), value_; }
  void on_reply(const RedisReply& reply) override;

 private:
  std::optional<std::string_view> value_;
  std::string kept_;  ///< of a reply that came before it was awaited
};

class RedisSet final : public RedisOperation {
 public:
  using RedisOperation::RedisOperation;
  void take() {
    if (!said_ok_) {
      throw_why();
    }
  }
  void on_reply(const RedisReply& reply) override {
    said_ok_ = accept(reply) && reply.says_ok();
    finish();
  }

 private:
  [[noreturn, gnu::cold]] void throw_why() const;
  bool said_ok_ = false;
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
  /// `redis` may be null: the function was added without Redis. `scratch` is for one command.
  RedisAccess(RedisSender* redis, Resumer& resumer, OutBuffer& scratch)
      : redis_(redis), resumer_(resumer), scratch_(scratch) {}

  /// Any command but those that would change or hold up the connection, which all calls share, as
  /// MULTI, SELECT, SUBSCRIBE and BLPOP: the await throws a CallFailure that says what to use
  /// instead. EVAL runs several commands as one step. Arguments are texts and integers, which are
  /// copied.
  template <class... Arguments>
  Pending<sdk::RedisCommand> command(std::string_view name, const Arguments&... arguments) {
    return begin_unless_refused({name, ByteView(sdk::redis_text(arguments))...});
  }
  /// The value, or nothing when there is none.
  Pending<sdk::RedisGet> get(std::string_view key) {
    return begin<sdk::RedisGet>(RedisRepeat::harmless, {"GET", key});
  }
  /// The same without a copy. It is valid until the next await, or the coroutine's end: for a value
  /// that is only looked at, or handed on.
  Pending<sdk::RedisGetView> get_view(std::string_view key) {
    return begin<sdk::RedisGetView>(RedisRepeat::harmless, {"GET", key});
  }
  /// Stores a text as it is, and a value of any other type as its MessagePack. Done once Redis has
  /// said OK. Inlined, as encode() is.
  template <class Value>
  [[gnu::always_inline]] inline Pending<sdk::RedisSet> set(
      std::string_view key, const Value& value, RedisRepeat repeat = RedisRepeat::never) {
    RedisSetCommand command(scratch_, key);
    if constexpr (std::is_convertible_v<const Value&, std::string_view>) {
      scratch_.append(std::string_view(value));
    } else {
      encode(value, scratch_);
    }
    return send<sdk::RedisSet>(repeat, command.finish());
  }

 private:
  Pending<sdk::RedisCommand> begin_unless_refused(std::initializer_list<ByteView> words);
  template <class State>
  Pending<State> begin(RedisRepeat repeat, std::initializer_list<ByteView> words) {
    scratch_.clear();
    append_redis_command(words, scratch_);
    return send<State>(repeat, scratch_.view());
  }
  template <class State>
  Pending<State> send(RedisRepeat repeat, ByteView command) {
    Pending<State> pending(new State(resumer_, repeat));
    pending.operation().send(redis_, command);
    return pending;
  }

  RedisSender* const redis_;
  Resumer& resumer_;
  OutBuffer& scratch_;
};

}  // namespace zerogate
