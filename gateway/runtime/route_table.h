// What a configuration's handlers, backends and routes are in one worker.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/bridge/bridge.h"
#include "core/rpc/connect_service.h"
#include "core/rpc/router.h"
#include "handlers/registry.h"

namespace zerogate {

/// The part of a worker's options that a reload replaces.
struct RouteTableOptions {
  std::vector<std::string> handlers;
  std::vector<BackendOptions> backends;
  std::vector<RouteOptions> routes;
};

/// A Router with all that it points to. Local handlers come before routes. A reload makes a new one
/// and takes it over when its backends are there; calls of the old one go on. Loop thread only.
class RouteTable {
 public:
  /// `handlers` has every handler that `options` names; it and `bridge` outlive the RouteTable.
  RouteTable(const RouteTableOptions& options, const FunctionLabels& labels,
             const std::vector<NamedService>& handlers, Bridge& bridge);
  RouteTable(const RouteTable&) = delete;
  RouteTable& operator=(const RouteTable&) = delete;

  Router& router() { return router_; }
  /// Every backend has been tried once: calls need not fail only because we have just begun.
  bool settled() const;

 private:
  Backend* find_backend(const std::string& name) const;

  Router router_;
  ConnectService connect_;
  std::vector<std::shared_ptr<Backend>> backends_;
  std::vector<std::unique_ptr<BackendRoute>> routes_;
};

}  // namespace zerogate
