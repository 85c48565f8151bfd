// The gateway's own functions, with a Redis that answers when the test says so.
#pragma once

#include <string>
#include <vector>

#include "core/wire/zerror.h"
#include "handlers/registry.h"
#include "tests/unit/core/sdk/functions_fixture.h"

namespace zerogate {

class HandlerTest : public testing::FunctionsTest {
 protected:
  HandlerTest() {
    for (const FunctionInfo& info : served_functions().all()) {
      services_[info.name] = info.make(*runtime_);
    }
  }

  /// What the command under way with this index says: "SET", key, value.
  const std::vector<std::string>& command(size_t index) const { return commands_[index].first; }
  /// Answers the last command.
  void answer_last(const RedisReply& reply) {
    RedisRequest& request = *commands_.back().second;
    commands_.pop_back();
    request.on_reply(reply);
  }
  static RedisReply redis_failure(RedisReply::Status status, std::string_view text) {
    RedisReply reply;
    reply.status = status;
    reply.text = text;
    return reply;
  }
};

}  // namespace zerogate
