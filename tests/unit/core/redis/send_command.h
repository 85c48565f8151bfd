// Commands as tests write them.
#pragma once

#include <initializer_list>

#include "core/redis/redis_client.h"
#include "core/redis/redis_command.h"

namespace zerogate::testing {

inline void send_command(RedisClient& client, std::initializer_list<ByteView> arguments,
                         RedisRequest& request) {
  OutBuffer command;
  append_redis_command(arguments, command);
  client.send(command.view(), request);
}

}  // namespace zerogate::testing
