// What a reply of Redis means.
#pragma once

#include <hiredis/hiredis.h>

#include <string_view>
#include <vector>

#include "core/redis/redis_client.h"
#include "core/redis/redis_value.h"

namespace zerogate {

/// For a command's continuation; views `reply`, and `items` when that is an array.
RedisReply to_reply(const redisReply& reply, std::vector<RedisValue>& items);

/// True for an error that begins with this word; give the blank behind it, too.
bool begins_with(const redisReply& reply, std::string_view word);

/// Errors that tell of the server and not of the command: another server, or this one later, is
/// what helps. A failover leaves the old primary running as a replica, for example.
bool is_refusal(const redisReply& reply);

/// A cluster's node says so of a key that another node has.
bool is_elsewhere(const redisReply& reply);

}  // namespace zerogate
