// The functions that the gateway serves itself, by name.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/redis/redis_client.h"
#include "core/rpc/service.h"

namespace zerogate {

struct NamedService {
  std::string name;
  std::unique_ptr<Service> service;
};

/// All names that make_handlers knows, in their usual order.
const std::vector<std::string>& handler_names();

/// True when the function needs Redis.
bool needs_redis(std::string_view name);

/// Makes the named handlers for one worker. Every name must be a known one (the configuration has
/// checked that). `redis` may be null when none of them needs it.
///
/// Order of destruction, which the worker keeps: no call is served any more; then the RedisClient,
/// which answers every command under way, into handlers that still live; then the handlers; then
/// the CallTable. A handler destroyed while Redis still owes it an answer is a bug (asserted).
std::vector<NamedService> make_handlers(const std::vector<std::string>& names, RedisClient* redis);

}  // namespace zerogate
