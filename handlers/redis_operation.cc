#include "handlers/redis_operation.h"

namespace zerogate {

void fail_with(Call call, const RedisReply& reply) {
  assert(reply.status != RedisReply::Status::ok);
  std::move(call).fail(outcome_of(reply.status), reply.text);
}

}  // namespace zerogate
