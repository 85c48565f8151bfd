// get_rpc_contract: answers with the source of a Python client for all that the gateway serves.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/rpc/backends.h"
#include "core/sdk/context.h"
#include "core/sdk/contract.h"
#include "core/sdk/functions.h"
#include "core/sdk/task.h"
#include "core/wire/translate.h"

namespace zerogate::sdk {

/// What the gateway serves now, here and elsewhere. Its find_service() forwards within
/// ContractService::kTimeoutMs. Loop thread only; a reload changes the answers.
class ContractSources : public Backends {
 public:
  /// Of the functions that are served here.
  virtual std::shared_ptr<const Contract> contract() = 0;
  /// The backends that routes lead to, in the order of the routes.
  virtual std::vector<std::string> backends() = 0;
  /// True when calls of the function go to this backend.
  virtual bool leads_to(std::string_view backend, std::string_view function) = 0;

 protected:
  ~ContractSources() = default;
};

/// Functions that are served here come first. Then each backend is asked for its contract, all at
/// the same time, and those of its functions are added that the routes send to it. One that fails
/// or is late is left out, with a comment that says so. Owned by a worker; loop thread only.
class ContractService final : public Service {
 public:
  static constexpr std::string_view kName = wire::kGetRpcContract;
  /// For backends to answer. zeroapi 0.9.0 waits 2,000 ms for the whole.
  static constexpr uint32_t kTimeoutMs = 1'500;

  /// Both outlive it.
  ContractService(FunctionRuntime& runtime, ContractSources& sources);

  void serve(const Request& request, Call call) override {
    hops_ = request.hops;
    service_.serve(request, std::move(call));
  }

 private:
  using Function = std::function<Task<std::string>(Raw, Context&)>;

  Task<std::string> answer(Raw argument, Context& context);
  void add(ClientSource& to, const std::string& backend, std::string_view code, bool is_async);

  FunctionRuntime& runtime_;
  ContractSources& sources_;
  uint8_t hops_ = 0;  ///< of the call that begins: gateways in a ring would ask each other forever
  const Function function_;
  TaskService<Function> service_;
};

}  // namespace zerogate::sdk
