#include "core/sdk/functions.h"

#include <algorithm>
#include <cassert>

namespace zerogate {

const FunctionInfo* Functions::find(std::string_view name) const {
  const auto found =
      std::ranges::find_if(all_, [&](const FunctionInfo& info) { return info.name == name; });
  return found == all_.end() ? nullptr : &*found;
}

Functions& Functions::add(FunctionInfo info) {
  assert(find(info.name) == nullptr && "each name once");
  assert(!info.name.empty() && info.name.size() <= FunctionLabels::kMaxNameBytes);
  all_.push_back(std::move(info));
  return *this;
}

}  // namespace zerogate
