#include "gateway/runtime/route_table.h"

#include <algorithm>
#include <cassert>
#include <iterator>

namespace zerogate {

std::vector<std::string> functions_named(const RouteTableOptions& options) {
  std::vector<std::string> names = options.handlers;
  names.emplace_back(ConnectService::kName);
  for (const RouteOptions& route : options.routes) {
    std::ranges::copy_if(route.functions, std::back_inserter(names),
                         [](const std::string& glob) { return glob.find('*') == glob.npos; });
  }
  return names;
}

RouteTable::RouteTable(const RouteTableOptions& options, const FunctionLabels& labels,
                       const std::vector<NamedService>& handlers, Bridge& bridge,
                       Service* contract_service)
    : router_(labels), connect_(bridge.identity()) {
  router_.add(ConnectService::kName, connect_);
  for (const NamedService& handler : handlers) {
    if (std::ranges::find(options.handlers, handler.name) == options.handlers.end()) {
      continue;
    }
    router_.add(handler.name, *handler.service);
  }
  const std::string contract_name(sdk::ContractService::kName);
  if (contract_service != nullptr && !options.handlers.empty() &&
      std::ranges::find(options.handlers, contract_name) == options.handlers.end()) {
    contract_ = make_contract(options.handlers);
    router_.add(contract_name, *contract_service);
  }
  for (const BackendOptions& backend : options.backends) {
    backends_.push_back(bridge.get(backend));
    direct_.push_back(std::make_unique<BackendRoute>(*backends_.back(), backend.timeout_ms));
    contracts_.push_back(std::make_unique<BackendRoute>(
        *backends_.back(), std::min(backend.timeout_ms, sdk::ContractService::kTimeoutMs)));
  }
  for (const RouteOptions& route : options.routes) {
    Backend* backend = find_backend(route.backend);
    assert(backend != nullptr);  // the configuration has checked it
    const uint32_t timeout_ms =
        route.timeout_ms == 0 ? backend->options().timeout_ms : route.timeout_ms;
    routes_.push_back(std::make_unique<BackendRoute>(*backend, timeout_ms));
    route_backends_.push_back(route.backend);
    for (const std::string& glob : route.functions) {
      router_.add_glob(glob, *routes_.back());
    }
  }
}

bool RouteTable::settled() const {
  return std::ranges::all_of(backends_, [](const auto& backend) { return backend->settled(); });
}

Service* RouteTable::find_service(std::string_view backend) const {
  return find_in(direct_, backend);
}

Service* RouteTable::find_contract_service(std::string_view backend) const {
  return find_in(contracts_, backend);
}

Service* RouteTable::find_in(const BackendRoutes& routes, std::string_view backend) const {
  for (size_t i = 0; i < backends_.size(); ++i) {
    if (backends_[i]->options().name == backend) {
      return routes[i].get();
    }
  }
  return nullptr;
}

std::vector<std::string> RouteTable::routed_backends() const {
  std::vector<std::string> names;
  for (const std::string& name : route_backends_) {
    if (std::ranges::find(names, name) == names.end()) {
      names.push_back(name);
    }
  }
  return names;
}

bool RouteTable::leads_to(std::string_view backend, std::string_view function) {
  const Service* const service = router_.find(function).service;
  for (size_t i = 0; i < routes_.size(); ++i) {
    if (routes_[i].get() == service && route_backends_[i] == backend) {
      return true;
    }
  }
  return false;
}

Backend* RouteTable::find_backend(std::string_view name) const {
  for (const auto& backend : backends_) {
    if (backend->options().name == name) {
      return backend.get();
    }
  }
  return nullptr;
}

}  // namespace zerogate
