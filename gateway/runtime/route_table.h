// The handlers, backends and routes of a configuration, as one worker has them.
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

/// The functions that it names, without those that only a pattern matches.
std::vector<std::string> functions_named(const RouteTableOptions& options);

/// A Router and all services that it points to. Local handlers come before routes. A reload makes a
/// new RouteTable and switches to it when its backends have been tried; calls of the old one go on.
/// Loop thread only.
class RouteTable {
 public:
  /// `handlers` has every handler that `options` names; it and `bridge` outlive the RouteTable.
  RouteTable(const RouteTableOptions& options, const FunctionLabels& labels,
             const std::vector<NamedService>& handlers, Bridge& bridge);
  RouteTable(const RouteTable&) = delete;
  RouteTable& operator=(const RouteTable&) = delete;

  Router& router() { return router_; }
  /// What sends to this backend within its own time-out; null when there is none of the name.
  Service* find_service(std::string_view backend) const;
  /// Every backend has been tried once: calls need not fail only because we have just begun.
  bool settled() const;

 private:
  Backend* find_backend(std::string_view name) const;

  Router router_;
  ConnectService connect_;
  std::vector<std::shared_ptr<Backend>> backends_;
  std::vector<std::unique_ptr<BackendRoute>> routes_;
  std::vector<std::unique_ptr<BackendRoute>> direct_;  ///< one for each of backends_
};

}  // namespace zerogate
