#include "core/sdk/redis_access.h"

#include <utility>

#include "core/sdk/call_failure.h"

namespace zerogate {

namespace sdk {

void RedisOperation::send(const RedisSend& redis, std::initializer_list<ByteView> arguments) {
  if (!redis) {
    status_ = RedisReply::Status::error;
    value_.text = "the function was added without redis";
    return complete();
  }
  add_owner();
  redis(arguments, *this);  // may have called on_reply already
}

void RedisOperation::on_reply(const RedisReply& reply) {
  status_ = reply.status;
  value_.has_value = reply.has_value;
  value_.is_status = reply.is_status;
  value_.integer = reply.integer;
  value_.text = reply.status == RedisReply::Status::ok ? reply.value : reply.text;
  complete();
  drop_owner();
}

RedisValue RedisOperation::take() {
  if (status_ != RedisReply::Status::ok) {
    throw CallFailure(outcome_of(status_), value_.text);
  }
  return std::move(value_);
}

std::optional<std::string> RedisGet::take() {
  RedisValue value = RedisOperation::take();
  return value.has_value ? std::optional(std::move(value.text)) : std::nullopt;
}

void RedisSet::take() {
  const RedisValue value = RedisOperation::take();
  if (!value.is_status || value.text != "OK") {
    throw CallFailure(Outcome::error, "redis answered SET with something else than OK");
  }
}

}  // namespace sdk
}  // namespace zerogate
