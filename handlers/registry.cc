#include "handlers/registry.h"

#include <cassert>

#include "core/sdk/functions.h"
#include "handlers/echo.h"
#include "handlers/get_order.h"
#include "handlers/hello_world.h"
#include "handlers/save_order.h"

namespace zerogate {
namespace {

const Functions* functions_in_use = nullptr;

std::unique_ptr<Service> make_handler(std::string_view name, RedisClient* redis) {
  assert(redis != nullptr || !needs_redis(name));
  const auto command = [redis](std::initializer_list<ByteView> arguments, RedisRequest& request) {
    redis->command(arguments, request);
  };
  if (name == "hello_world") {
    return std::make_unique<HelloWorld>();
  }
  if (name == "echo") {
    return std::make_unique<Echo>();
  }
  if (name == "save_order") {
    return std::make_unique<SaveOrder>(command);
  }
  if (name == "get_order") {
    return std::make_unique<GetOrder>(command);
  }
  assert(false && "the configuration checks names");
  return nullptr;
}

}  // namespace

void use_functions(const Functions* functions) { functions_in_use = functions; }
const Functions* used_functions() { return functions_in_use; }

std::vector<std::string> handler_names() {
  if (functions_in_use == nullptr) {
    return {"hello_world", "echo", "save_order", "get_order"};
  }
  std::vector<std::string> names;
  for (const FunctionInfo& info : functions_in_use->all()) {
    names.push_back(info.name);
  }
  return names;
}

bool needs_redis(std::string_view name) {
  if (functions_in_use != nullptr) {
    const FunctionInfo* const info = functions_in_use->find(name);
    return info != nullptr && info->needs_redis;
  }
  return name == "save_order" || name == "get_order";
}

std::vector<NamedService> make_handlers(const std::vector<std::string>& names, RedisClient* redis,
                                        FunctionRuntime* runtime) {
  std::vector<NamedService> handlers;
  handlers.reserve(names.size());
  for (const std::string& name : names) {
    if (functions_in_use != nullptr) {
      handlers.push_back({name, functions_in_use->find(name)->make(*runtime)});
    } else {
      handlers.push_back({name, make_handler(name, redis)});
    }
  }
  return handlers;
}

}  // namespace zerogate
