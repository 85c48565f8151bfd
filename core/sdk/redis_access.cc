#include "core/sdk/redis_access.h"

#include <utility>

namespace zerogate {

namespace sdk {

void RedisOperation::refuse(const std::string& why) {
  failure_ = std::make_unique<CallFailure>(Outcome::error, why);
  complete();
}

bool RedisOperation::note_failure(const RedisReply& reply) {
  failure_ = std::make_unique<CallFailure>(outcome_of(reply.status), std::string(reply.text));
  return false;
}

void RedisCommand::on_reply(const RedisReply& reply) {
  if (accept(reply)) {
    value_.has_value = reply.has_value;
    value_.is_status = reply.is_status;
    value_.text = reply.value;
    value_.integer = reply.integer;
    value_.is_array = reply.items != nullptr;
    if (value_.is_array) {
      value_.items = std::move(*reply.items);
    }
  }
  finish();
}

void RedisGet::on_reply(const RedisReply& reply) {
  if (accept(reply) && reply.has_value) {
    value_.emplace(reply.value);
  }
  finish();
}

void RedisGetView::on_reply(const RedisReply& reply) {
  if (accept(reply) && reply.has_value) {
    if (!waited_for()) {
      kept_ = reply.value;
    }
    value_ = waited_for() ? reply.value : kept_;
  }
  finish();
}

void RedisSet::throw_why() const {
  check();
  throw CallFailure(Outcome::error, "redis answered SET with something else than OK");
}

}  // namespace sdk

Pending<sdk::RedisCommand> RedisAccess::begin_unless_refused(
    std::initializer_list<ByteView> words) {
  const std::string why = sdk::why_redis_refuses(words);
  if (why.empty()) {
    return begin<sdk::RedisCommand>(RedisRepeat::never, words);
  }
  Pending<sdk::RedisCommand> refused(new sdk::RedisCommand(resumer_, RedisRepeat::never));
  refused.operation().refuse(why);
  return refused;
}

}  // namespace zerogate
