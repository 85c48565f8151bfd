// Who the connections were that closed in a turn in which they were answered.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "core/rpc/return_path.h"

namespace zerogate {

/// A call's line in the log is written at the turn's end, when its connection may have closed
/// behind the reply. Until the next turn kMaxCallers of them are known. Loop thread only.
class DepartedCallers {
 public:
  static constexpr size_t kMaxCallers = 256;

  struct Departed {
    CallerKey key;
    std::string peer;
    Caller caller;
  };

  bool empty() const { return departed_.empty(); }
  /// The turn that began then is under way: what is known of an earlier one goes.
  void begin_turn(uint64_t turn_ns) {
    if (std::exchange(turn_ns_, turn_ns) != turn_ns) {
      departed_.clear();
    }
  }
  void add(Departed departed) {
    if (departed_.size() < kMaxCallers) {
      departed_.push_back(std::move(departed));
    }
  }
  /// "gone", when it is not known.
  const Departed& find(CallerKey key) const {
    static const Departed kGone{.key = {}, .peer = "gone", .caller = {.name = "gone"}};
    const auto found = std::ranges::find(departed_, key, &Departed::key);
    return found == departed_.end() ? kGone : *found;
  }

 private:
  uint64_t turn_ns_ = 0;
  std::vector<Departed> departed_;
};

}  // namespace zerogate
