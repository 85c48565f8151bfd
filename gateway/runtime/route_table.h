// The handlers, backends and routes of a configuration, as one worker has them.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/bridge/bridge.h"
#include "core/rpc/connect_service.h"
#include "core/rpc/router.h"
#include "core/sdk/contract_service.h"
#include "handlers/registry.h"

namespace zerogate {

/// The part of a worker's options that a reload replaces.
struct RouteTableOptions {
  std::vector<std::string> handlers;
  std::vector<BackendOptions> backends;
  std::vector<RouteOptions> routes;
  std::shared_ptr<const TlsMaterial> listen_tls{};  ///< of listen.tls; null: it is off
  std::shared_ptr<const TlsMaterial> redis_tls{};   ///< of rediss://; null: Redis is without
};

/// The functions that it names, without those that only a pattern matches.
std::vector<std::string> functions_named(const RouteTableOptions& options);

/// A Router and all services that it points to. Local handlers come before routes. A reload makes a
/// new RouteTable and switches to it when its backends have been tried; calls of the old one go on.
/// Loop thread only.
class RouteTable {
 public:
  /// `handlers` has every handler that `options` names. `contract_service`, or null, answers
  /// get_rpc_contract when there is any; otherwise it goes where the routes lead. All outlive the
  /// RouteTable.
  RouteTable(const RouteTableOptions& options, const FunctionLabels& labels,
             const std::vector<NamedService>& handlers, Bridge& bridge, Service* contract_service);
  RouteTable(const RouteTable&) = delete;
  RouteTable& operator=(const RouteTable&) = delete;

  Router& router() { return router_; }
  /// What sends to this backend within its own time-out; null when there is none of the name.
  Service* find_service(std::string_view backend) const;
  /// The same for a request of its contract, within sdk::ContractService::kTimeoutMs.
  Service* find_contract_service(std::string_view backend) const;
  /// Of the handlers.
  const std::shared_ptr<const sdk::Contract>& contract() const { return contract_; }
  /// Names of the backends that routes lead to, in the order of the routes.
  std::vector<std::string> routed_backends() const;
  /// Calls of this function go to this backend.
  bool leads_to(std::string_view backend, std::string_view function);
  /// Every backend has been tried once: calls need not fail only because we have just begun.
  bool settled() const;

 private:
  using BackendRoutes = std::vector<std::unique_ptr<BackendRoute>>;

  Backend* find_backend(std::string_view name) const;
  Service* find_in(const BackendRoutes& routes, std::string_view backend) const;

  Router router_;
  ConnectService connect_;
  std::vector<std::shared_ptr<Backend>> backends_;
  std::shared_ptr<const sdk::Contract> contract_;  ///< null: no handler is served
  BackendRoutes routes_;
  std::vector<std::string> route_backends_;  ///< one for each of routes_
  BackendRoutes direct_;                     ///< one for each of backends_
  BackendRoutes contracts_;                  ///< one for each of backends_
};

/// Asks the RouteTable that is in force: a call for a contract may outlive the one it began with.
/// Part of a worker; loop thread only.
class ContractRoutes final : public sdk::ContractSources {
 public:
  /// Outlives it. Not null while calls are served.
  explicit ContractRoutes(const std::unique_ptr<RouteTable>& in_force) : in_force_(in_force) {}

  Service* find_service(std::string_view backend) override {
    return in_force_->find_contract_service(backend);
  }
  std::shared_ptr<const sdk::Contract> contract() override { return in_force_->contract(); }
  std::vector<std::string> backends() override { return in_force_->routed_backends(); }
  bool leads_to(std::string_view backend, std::string_view function) override {
    return in_force_->leads_to(backend, function);
  }

 private:
  const std::unique_ptr<RouteTable>& in_force_;
};

}  // namespace zerogate
