#include "tests/simulation/functions.h"

#include <memory>
#include <string>
#include <string_view>

#include "core/sdk/context.h"
#include "core/sdk/task.h"
#include "handlers/echo.h"
#include "handlers/get_order.h"
#include "handlers/save_order.h"
#include "tests/simulation/world.h"

namespace zerogate::simulation {
namespace {

constexpr uint64_t kLongestWaitMs = 30;

Task<Raw> relay(Raw argument, Context& context) {
  co_await context.sleep(world().random.below(kLongestWaitMs));
  co_return co_await context.call<Raw>("a", "a_put", argument);
}

Functions make_functions() {
  Functions functions({.threads = 0, .queue = 0});  // a thread of its own would not be the seed's
  functions.add("hello_world", "", [] { return std::string_view("hello world"); });
  functions.add({.name = "echo", .doc = "", .make = [](FunctionRuntime&) {
                   return std::make_unique<Echo>();
                 }});
  functions.add("save_order", "", &save_order, {.timeout_ms = 0});
  functions.add("get_order", "", &get_order, {.timeout_ms = 0});
  functions.add("relay", "", &relay, {.timeout_ms = kRelayTimeoutMs});
  return functions;
}

}  // namespace

const Functions& simulated_functions() {
  static const Functions functions = make_functions();
  return functions;
}

}  // namespace zerogate::simulation
