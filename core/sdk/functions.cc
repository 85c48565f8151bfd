#include "core/sdk/functions.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "core/rpc/connect_service.h"

namespace zerogate {
namespace {

/// The program's main() has no use for an error of its own names: it ends before it starts.
void require_name(bool holds, const FunctionInfo& info, std::string_view why) {
  if (!holds) {
    fmt::print(stderr, "functions.add(\"{}\"): {}\n", info.name, why);
    std::exit(2);
  }
}

}  // namespace

const FunctionInfo* Functions::find(std::string_view name) const {
  const auto found =
      std::ranges::find_if(all_, [&](const FunctionInfo& info) { return info.name == name; });
  return found == all_.end() ? nullptr : &*found;
}

Functions& Functions::add(FunctionInfo info) {
  require_name(!info.name.empty(), info, "a function needs a name; give it the one clients call");
  require_name(
      info.name.size() <= FunctionLabels::kMaxNameBytes, info,
      fmt::format("the name has {} bytes, and ZeroMQ's clients send at most {}; shorten it",
                  info.name.size(), FunctionLabels::kMaxNameBytes));
  require_name(info.name != ConnectService::kName, info,
               "clients begin with a call of this name, which the gateway answers; rename it");
  require_name(find(info.name) == nullptr, info, "it was added before; take one out, or rename it");
  all_.push_back(std::move(info));
  return *this;
}

}  // namespace zerogate
