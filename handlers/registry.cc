#include "handlers/registry.h"

#include <cassert>

#include "handlers/echo.h"
#include "handlers/get_order.h"
#include "handlers/hello_world.h"
#include "handlers/save_order.h"

namespace zerogate {
namespace {

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

const std::vector<std::string>& handler_names() {
  static const std::vector<std::string> kNames = {"hello_world", "echo", "save_order", "get_order"};
  return kNames;
}

bool needs_redis(std::string_view name) { return name == "save_order" || name == "get_order"; }

std::vector<NamedService> make_handlers(const std::vector<std::string>& names, RedisClient* redis) {
  std::vector<NamedService> handlers;
  handlers.reserve(names.size());
  for (const std::string& name : names) {
    handlers.push_back({name, make_handler(name, redis)});
  }
  return handlers;
}

}  // namespace zerogate
