// Which service answers a function.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>

#include "core/metrics/function_labels.h"
#include "core/rpc/service.h"

namespace zerogate {

struct Route {
  Service* service = nullptr;  ///< outlives the Router
  FunctionLabel label = 0;     ///< resolved when the route is built, not per call
};

/// Built before the worker starts, then only read. Loop thread only.
class Router {
 public:
  explicit Router(const FunctionLabels& labels) : labels_(labels) {}

  void add(const std::string& function, Service& service) {
    routes_.insert_or_assign(function, Route{&service, labels_.find(function)});
  }

  /// Null when nobody answers the function.
  const Route* find(ByteView function) const {
    const auto found = routes_.find(function);
    return found == routes_.end() ? nullptr : &found->second;
  }
  FunctionLabel other() const { return labels_.other(); }

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
  };
  const FunctionLabels& labels_;
  std::unordered_map<std::string, Route, Hash, std::equal_to<>> routes_;
};

}  // namespace zerogate
