#include "handlers/redis_operation.h"

namespace zerogate {
namespace {

Outcome outcome_of(RedisReply::Status status) {
  switch (status) {
    case RedisReply::Status::timeout:
      return Outcome::timeout;
    case RedisReply::Status::unavailable:
      return Outcome::unavailable;
    case RedisReply::Status::overloaded:
      return Outcome::overloaded;
    case RedisReply::Status::ok:
    case RedisReply::Status::error:
      break;
  }
  return Outcome::error;
}

}  // namespace

void fail_with(Call call, const RedisReply& reply) {
  assert(reply.status != RedisReply::Status::ok);
  std::move(call).fail(outcome_of(reply.status), reply.text);
}

}  // namespace zerogate
