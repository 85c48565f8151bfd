// Which service answers a function.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "core/base/glob.h"
#include "core/base/name_map.h"
#include "core/metrics/function_labels.h"
#include "core/rpc/service.h"

namespace zerogate {

struct Route {
  Service* service = nullptr;  ///< null: no service answers the function; else outlives the Router
  FunctionLabel label = FunctionLabels::other();
  bool named = false;  ///< by add(), not by a glob
};

/// Tries names first, then globs in the order in which they were added. Complete before the first
/// question. It remembers which glob matched a function that has a label, so that the next call
/// costs one look-up; these are at most FunctionLabels::kMaxNames. Loop thread only.
class Router {
 public:
  /// `labels` outlives the Router.
  explicit Router(const FunctionLabels& labels) : labels_(labels) {}

  /// The label of a name is resolved here, not per call.
  void add(const std::string& function, Service& service) {
    names_.set(function, Route{&service, labels_.find(function), true});
  }
  /// A name without `*` is only found when no earlier glob matches it: the first match wins.
  void add_glob(const std::string& glob, Service& service) {
    if (glob.find('*') != std::string::npos) {
      globs_.emplace_back(glob, &service);
    } else if (match(glob).service == nullptr && names_.find(glob) == nullptr) {
      add(glob, service);
    }
  }

  /// No function has the label any more: its name counts as _other, and one that a glob matches is
  /// looked up anew.
  void forget(FunctionLabel label) {
    NameMap<Route> kept;
    names_.for_each([&](ByteView name, Route route) {
      if (route.label != label) {
        kept.set(name, route);
      } else if (route.named) {
        kept.set(name, {route.service, FunctionLabels::other(), true});
      }
    });
    names_ = std::move(kept);
  }

  Route find(ByteView function) {
    if (const Route* known = names_.find(function)) {
      return *known;
    }
    return find_by_glob(function);
  }

 private:
  [[gnu::noinline]] Route find_by_glob(ByteView function) {
    const Route route = match(function);
    if (route.label != FunctionLabels::other()) {
      names_.set(function, route);
    }
    return route;
  }
  Route match(ByteView function) const {
    for (const auto& [glob, service] : globs_) {
      if (glob_match(glob, function)) {
        return {service, labels_.find(function)};
      }
    }
    return {};
  }

  const FunctionLabels& labels_;
  NameMap<Route> names_;
  std::vector<std::pair<std::string, Service*>> globs_;
};

}  // namespace zerogate
