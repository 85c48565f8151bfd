#include "handlers/registry.h"

#include "core/sdk/contract.h"
#include "core/sdk/functions.h"
#include "handlers/echo.h"
#include "handlers/get_order.h"
#include "handlers/save_order.h"

namespace zerogate {
namespace {

const Functions* functions_in_use = nullptr;

/// None of them blocks, so they need no thread of a pool.
Functions own_functions() {
  Functions functions({.threads = 0, .queue = 0});
  functions.add("hello_world", "Answers \"hello world\", whatever the argument.",
                [] { return std::string_view("hello world"); });
  functions.add({.name = "echo",
                 .doc = "Answers with the argument, byte for byte.",
                 .make = [](FunctionRuntime&) { return std::make_unique<Echo>(); }});
  // Redis has a time-out of its own.
  functions.add("save_order", "Saves an order in Redis.", &save_order, {.timeout_ms = 0});
  functions.add("get_order", "An order that was saved, by its id.", &get_order, {.timeout_ms = 0});
  return functions;
}

}  // namespace

void use_functions(const Functions* functions) { functions_in_use = functions; }
const Functions* used_functions() { return functions_in_use; }

const Functions& served_functions() {
  static const Functions kOwn = own_functions();
  return functions_in_use != nullptr ? *functions_in_use : kOwn;
}

std::vector<std::string> handler_names() {
  std::vector<std::string> names;
  for (const FunctionInfo& info : served_functions().all()) {
    names.push_back(info.name);
  }
  return names;
}

bool needs_redis(std::string_view name) {
  const FunctionInfo* const info = served_functions().find(name);
  return info != nullptr && info->needs_redis;
}

std::shared_ptr<const sdk::Contract> make_contract(const std::vector<std::string>& names) {
  std::vector<sdk::Contract::Function> functions;
  functions.reserve(names.size());
  for (const std::string& name : names) {
    const FunctionInfo& info = *served_functions().find(name);
    functions.push_back({info.name, info.doc, info.contract});
  }
  return std::make_shared<const sdk::Contract>(functions);
}

std::vector<NamedService> make_handlers(const std::vector<std::string>& names,
                                        FunctionRuntime& runtime) {
  std::vector<NamedService> handlers;
  handlers.reserve(names.size());
  for (const std::string& name : names) {
    handlers.push_back({name, served_functions().find(name)->make(runtime)});
  }
  return handlers;
}

}  // namespace zerogate
