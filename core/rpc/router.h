// Which service answers a function.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/base/glob.h"
#include "core/metrics/function_labels.h"
#include "core/rpc/service.h"

namespace zerogate {

struct Route {
  Service* service = nullptr;  ///< null when nobody answers the function; else outlives the Router
  FunctionLabel label = FunctionLabels::other();
};

/// Names first, then globs in the order in which they were added. Built whole, then only read.
/// Loop thread only.
class Router {
 public:
  /// `labels` outlives the Router.
  explicit Router(const FunctionLabels& labels) : labels_(labels) {}

  /// The label of a name is resolved here, not per call.
  void add(const std::string& function, Service& service) {
    names_.insert_or_assign(function, Route{&service, labels_.find(function)});
  }
  /// A name without `*` is only found when no earlier glob matches it: the first match wins.
  void add_glob(const std::string& glob, Service& service) {
    if (glob.find('*') != std::string::npos) {
      globs_.emplace_back(glob, &service);
    } else if (find(glob).service == nullptr) {
      add(glob, service);
    }
  }

  Route find(ByteView function) const {
    const auto found = names_.find(function);
    if (found != names_.end()) return found->second;
    for (const auto& [glob, service] : globs_) {
      if (glob_match(glob, function)) return {service, labels_.find(function)};
    }
    return {};
  }

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  const FunctionLabels& labels_;
  std::unordered_map<std::string, Route, Hash, std::equal_to<>> names_;
  std::vector<std::pair<std::string, Service*>> globs_;
};

}  // namespace zerogate
