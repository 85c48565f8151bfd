// How many connections have how many requests under way.
#pragma once

#include <algorithm>
#include <cassert>
#include <cstdint>
#include <vector>

namespace zerogate {

/// Counts connections by their load, so that whether one is idle and how much is on the fullest can
/// be told without a look at all. Every operation but leave() takes constant time. Pure; one
/// thread.
class LoadLevels {
 public:
  /// `most` requests on one connection.
  explicit LoadLevels(uint32_t most) : connections_(most + 1) {}

  void enter(uint32_t load) {
    ++connections_[load];
    deepest_ = std::max(deepest_, load);
  }
  void leave(uint32_t load) {
    assert(connections_[load] != 0);
    --connections_[load];
    while (deepest_ != 0 && connections_[deepest_] == 0) {
      --deepest_;
    }
  }
  /// One has a request more than `load`. True when deepest() changes.
  bool rise(uint32_t load) {
    --connections_[load];
    ++connections_[load + 1];
    if (load < deepest_) {
      return false;
    }
    deepest_ = load + 1;
    return true;
  }
  /// One has a request less than `load`.
  bool fall(uint32_t load) {
    ++connections_[load - 1];
    if (--connections_[load] != 0 || load != deepest_) {
      return false;
    }
    deepest_ = load - 1;
    return true;
  }

  bool any_idle() const { return idle() != 0; }
  uint32_t idle() const { return connections_[0]; }
  uint32_t deepest() const { return deepest_; }

 private:
  std::vector<uint32_t> connections_;  ///< by load
  uint32_t deepest_ = 0;
};

}  // namespace zerogate
