// The functions that the gateway serves itself, by name.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/redis/redis_client.h"
#include "core/rpc/service.h"

namespace zerogate {

class FunctionRuntime;
class Functions;

struct NamedService {
  std::string name;
  std::unique_ptr<Service> service;
};

/// Serves these functions and none of the gateway's own: a program with functions of a team calls
/// it before anything else. Null: the gateway's own again. They outlive every other use of this
/// file. Main thread, while no other runs.
void use_functions(const Functions* functions);
/// Null: the gateway's own are served.
const Functions* used_functions();

/// All names that make_handlers knows, in their usual order.
std::vector<std::string> handler_names();

/// True when the function needs Redis.
bool needs_redis(std::string_view name);

/// Makes the named handlers for one worker. Every name must be a known one (the configuration has
/// checked that). `redis` may be null when none of them needs it, and `runtime` when
/// used_functions() is.
///
/// Order of destruction, which the worker keeps: no call is served any more; then the RedisClient,
/// which answers every command under way, into handlers that still live; then the handlers; then
/// the CallTable. A handler destroyed while Redis still owes it an answer is a bug (asserted).
std::vector<NamedService> make_handlers(const std::vector<std::string>& names, RedisClient* redis,
                                        FunctionRuntime* runtime = nullptr);

}  // namespace zerogate
