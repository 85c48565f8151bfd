// The functions that the gateway serves itself, by name.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/rpc/service.h"

namespace zerogate {

class FunctionRuntime;
class Functions;
namespace sdk {
class Contract;
}

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
/// Those in use, a team's or the gateway's own.
const Functions& served_functions();

/// All names that make_handlers knows, in their usual order.
std::vector<std::string> handler_names();

/// True when the function needs Redis.
bool needs_redis(std::string_view name);

/// What clients are told of these handlers, in this order.
std::shared_ptr<const sdk::Contract> make_contract(const std::vector<std::string>& names);

/// Makes the named handlers for one worker. Every name must be a known one (the configuration has
/// checked that).
///
/// Order of destruction, which the worker keeps: no call is served any more; then the coroutines
/// under way (FunctionRuntime::fail_all); then the RedisClient, which answers every command under
/// way; then the handlers; then the runtime; then the CallTable.
std::vector<NamedService> make_handlers(const std::vector<std::string>& names,
                                        FunctionRuntime& runtime);

}  // namespace zerogate
